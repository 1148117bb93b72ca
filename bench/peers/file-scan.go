// Scans a tree as one would write it in Go: a walk, a pool of goroutines that read whole files, and the parsers of the
// standard library. Reads requests, one JSON object a line, and answers each with what it took.
package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type request struct {
	Root       string `json:"root"`
	Mode       string `json:"mode"` // "read" or "stat"
	Goroutines int    `json:"goroutines"`
	Processors int    `json:"processors"`
}

type answer struct {
	Items        int64   `json:"items"`
	Certificates int64   `json:"certificates"`
	WallMs       float64 `json:"wallMs"`
	CpuMs        float64 `json:"cpuMs"`
	PeakMib      float64 `json:"peakMib"`
}

type known struct {
	certificates []*x509.Certificate
	fingerprints [][32]byte
}

func peakMib() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Maxrss) / 1024
}

func cpuMs() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	sum := usage.Utime.Nano() + usage.Stime.Nano()
	return float64(sum) / 1e6
}

func read(path string) known {
	var result known
	data, err := os.ReadFile(path)
	if err != nil {
		return result
	}
	for {
		var block *pem.Block
		block, data = pem.Decode(data)
		if block == nil {
			return result
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			continue
		}
		result.certificates = append(result.certificates, certificate)
		result.fingerprints = append(result.fingerprints, sha256.Sum256(certificate.Raw))
	}
}

func scan(asked request) answer {
	runtime.GOMAXPROCS(asked.Processors)
	paths := make(chan string, 1024)
	var files, certificates atomic.Int64
	var group sync.WaitGroup
	var lock sync.Mutex
	inventory := map[string]known{}
	for i := 0; i < asked.Goroutines; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for path := range paths {
				if asked.Mode == "stat" {
					if _, err := os.Stat(path); err == nil {
						files.Add(1)
					}
					continue
				}
				found := read(path)
				files.Add(1)
				certificates.Add(int64(len(found.certificates)))
				lock.Lock()
				inventory[path] = found
				lock.Unlock()
			}
		}()
	}
	filepath.WalkDir(asked.Root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			paths <- path
		}
		return nil
	})
	close(paths)
	group.Wait()
	return answer{Items: files.Load(), Certificates: certificates.Load()}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		runtime.GC()
		startedCpu, startedAt := cpuMs(), time.Now()
		result := scan(asked)
		result.WallMs = float64(time.Since(startedAt).Microseconds()) / 1000
		result.CpuMs = cpuMs() - startedCpu
		result.PeakMib = peakMib()
		json.NewEncoder(os.Stdout).Encode(result)
	}
}
