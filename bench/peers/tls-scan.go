// A plain concurrent scanner on Go's crypto/tls, to compare with. Reads one JSON request a line, scans, answers with one
// JSON line; the CPU time is that of the scan alone.
package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type request struct {
	Port        int      `json:"port"`
	Names       []string `json:"names"`
	Concurrency int      `json:"concurrency"`
	X25519Only  bool     `json:"x25519Only"`
	Processors  int      `json:"processors"`
}

type answer struct {
	Seen   int64   `json:"items"`
	WallMs float64 `json:"wallMs"`
	CpuMs  float64 `json:"cpuMs"`
}

func cpu() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	milliseconds := func(t syscall.Timeval) float64 { return float64(t.Sec)*1000 + float64(t.Usec)/1000 }
	return milliseconds(usage.Utime) + milliseconds(usage.Stime)
}

func probe(address string, name string, x25519Only bool) (int64, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	connection, err := dialer.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(10 * time.Second))
	config := &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}
	if x25519Only {
		// Without P-256 no server of TLS 1.2 shows a certificate with a key of that curve. The key share is for the first.
		config.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
	}
	client := tls.Client(connection, config)
	if err := client.Handshake(); err != nil {
		return 0, err
	}
	var earliest int64
	for _, certificate := range client.ConnectionState().PeerCertificates {
		fingerprint := sha256.Sum256(certificate.Raw)
		if notAfter := certificate.NotAfter.Unix(); earliest == 0 || notAfter < earliest || fingerprint[0] == 0 && notAfter == 0 {
			earliest = notAfter
		}
	}
	client.Close()
	return earliest, nil
}

func scan(one request) answer {
	runtime.GOMAXPROCS(one.Processors)
	address := fmt.Sprintf("127.0.0.1:%d", one.Port)
	var next, seen atomic.Int64
	var group sync.WaitGroup
	cpuBefore, startedAt := cpu(), time.Now()
	for worker := 0; worker < one.Concurrency; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for index := next.Add(1) - 1; index < int64(len(one.Names)); index = next.Add(1) - 1 {
				if earliest, err := probe(address, one.Names[index], one.X25519Only); err == nil && earliest > 0 {
					seen.Add(1)
				}
			}
		}()
	}
	group.Wait()
	return answer{Seen: seen.Load(), WallMs: float64(time.Since(startedAt).Microseconds()) / 1000, CpuMs: cpu() - cpuBefore}
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	decoder := json.NewDecoder(lines)
	encoder := json.NewEncoder(os.Stdout)
	for {
		var one request
		if err := decoder.Decode(&one); err != nil {
			return
		}
		encoder.Encode(scan(one))
	}
}
