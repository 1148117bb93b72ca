// A plain exporter: certificates in a slice, and for each scrape all of them formatted with strconv into one buffer, label
// values escaped. The first request says how many certificates there are; each later one is a scrape.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type request struct {
	Certificates int `json:"certificates"`
}

type answer struct {
	Items  int     `json:"items"`
	WallMs float64 `json:"wallMs"`
	CpuMs  float64 `json:"cpuMs"`
	Bytes  int     `json:"bytes"`
}

type certificate struct {
	source, location, place, role, name, issuer, fingerprint string
	notBefore, notAfter, lastSuccess                         float64
}

var escaper = strings.NewReplacer("\\", "\\\\", "\"", "\\\"", "\n", "\\n")

func pair(out []byte, name, value string) []byte {
	out = append(out, name...)
	out = append(out, '=', '"')
	if strings.ContainsAny(value, "\\\"\n") {
		value = escaper.Replace(value)
	}
	out = append(out, value...)
	return append(out, '"')
}

func where(out []byte, one *certificate) []byte {
	out = pair(append(out, '{'), "source", one.source)
	return pair(append(out, ','), "location", one.location)
}

func full(out []byte, one *certificate) []byte {
	out = where(out, one)
	out = pair(append(out, ','), "place", one.place)
	out = pair(append(out, ','), "role", one.role)
	out = pair(append(out, ','), "name", one.name)
	out = pair(append(out, ','), "issuer", one.issuer)
	return pair(append(out, ','), "fingerprint", one.fingerprint)
}

func value(out []byte, number float64) []byte {
	out = append(out, '}', ' ')
	out = strconv.AppendFloat(out, number, 'f', -1, 64)
	return append(out, '\n')
}

func family(out []byte, name string) []byte {
	return append(out, "# HELP "+name+" Help.\n# TYPE "+name+" gauge\n"...)
}

func expose(all []certificate, out []byte) []byte {
	const after = "notafter_certificate_not_after_timestamp_seconds"
	const before = "notafter_certificate_not_before_timestamp_seconds"
	const up = "notafter_location_up"
	const success = "notafter_location_last_success_timestamp_seconds"
	out = family(out, after)
	for i := range all {
		out = value(full(append(out, after...), &all[i]), all[i].notAfter)
	}
	out = family(out, before)
	for i := range all {
		out = value(full(append(out, before...), &all[i]), all[i].notBefore)
	}
	out = family(out, up)
	for i := range all {
		out = value(where(append(out, up...), &all[i]), 1)
	}
	out = family(out, success)
	for i := range all {
		out = value(where(append(out, success...), &all[i]), all[i].lastSuccess)
	}
	return out
}

func made(count int) []certificate {
	all := make([]certificate, count)
	for i := range all {
		all[i] = certificate{
			source:      "disk" + strconv.Itoa(i%10),
			location:    "/etc/ssl/" + strconv.Itoa(i) + ".pem",
			place:       "pem",
			role:        "server",
			name:        fmt.Sprintf("service%d.team%d.example.com", i, i%30),
			issuer:      fmt.Sprintf("CN=Issuing CA %d,O=Example", i%40),
			fingerprint: fmt.Sprintf("%064x", i),
			notBefore:   1.7e9 + float64(i),
			notAfter:    1.8e9 + float64(i),
			lastSuccess: 1.79e9 + float64(i)/1000,
		}
	}
	return all
}

func cpuMs() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

func main() {
	var all []certificate
	var out []byte
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if len(all) != asked.Certificates {
			all = made(asked.Certificates)
			runtime.GC()
		}
		startedCpu, startedAt := cpuMs(), time.Now()
		out = expose(all, out[:0])
		json.NewEncoder(os.Stdout).Encode(answer{
			Items:  asked.Certificates,
			WallMs: float64(time.Since(startedAt).Microseconds()) / 1000,
			CpuMs:  cpuMs() - startedCpu,
			Bytes:  len(out),
		})
	}
}
