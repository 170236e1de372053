// The load client: the same body over keep-alive TLS connections, as fast as the server answers or with a pause.
//
// Hand-written HTTP/1.1 over crypto/tls: one write and one parsed response per request, so that the client is cheap and
// alike for every server. Prints one JSON object.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

type connection struct {
	tls      *tls.Conn
	reader   *bufio.Reader
	request  []byte
	times    []time.Duration
	statuses map[int]int
}

type result struct {
	Requests   int         `json:"requests"`
	Seconds    float64     `json:"seconds"`
	Statuses   map[int]int `json:"statuses"`
	P50        float64     `json:"p50"` // milliseconds, as all below
	P90        float64     `json:"p90"`
	P99        float64     `json:"p99"`
	Max        float64     `json:"max"`
	ClientCPU  float64     `json:"client_cpu_seconds"`
	LastAnswer string      `json:"last_answer"`
}

func main() {
	target := flag.String("url", "", "where to POST")
	ca := flag.String("ca", "", "PEM of the CA that signed the server's certificate")
	certificate := flag.String("certificate", "", "PEM of the client's certificate, if it has one")
	key := flag.String("key", "", "PEM of the client's key")
	body := flag.String("body", "", "file with the body")
	connections := flag.Int("connections", 1, "keep-alive connections")
	pause := flag.Duration("pause", 0, "how long each waits between an answer and its next request")
	duration := flag.Duration("duration", time.Second, "how long to send")
	flag.Parse()
	log.SetFlags(0)

	address, err := url.Parse(*target)
	fail(err)
	content, err := os.ReadFile(*body)
	fail(err)
	config := &tls.Config{RootCAs: x509.NewCertPool(), NextProtos: []string{"http/1.1"}}
	pem, err := os.ReadFile(*ca)
	fail(err)
	config.RootCAs.AppendCertsFromPEM(pem)
	if *certificate != "" {
		pair, err := tls.LoadX509KeyPair(*certificate, *key)
		fail(err)
		config.Certificates = []tls.Certificate{pair}
	}
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json\r\n"+
		"Content-Length: %d\r\n\r\n", address.RequestURI(), address.Host, len(content))
	request := append([]byte(head), content...)

	all := make([]*connection, *connections)
	for i := range all {
		conn, err := tls.Dial("tcp", address.Host, config)
		fail(err)
		all[i] = &connection{conn, bufio.NewReaderSize(conn, 64<<10), request, nil, map[int]int{}}
		all[i].send() // the handshake's end, the server's first steps: not counted
		all[i].times, all[i].statuses = nil, map[int]int{}
	}
	before, start := processor(), time.Now()
	deadline := start.Add(*duration)
	var group sync.WaitGroup
	for i, one := range all {
		group.Go(func() {
			time.Sleep(*pause * time.Duration(i) / time.Duration(len(all))) // not all at once
			for time.Now().Before(deadline) {
				one.send()
				time.Sleep(*pause)
			}
		})
	}
	group.Wait()
	seconds := time.Since(start).Seconds()
	fail(json.NewEncoder(os.Stdout).Encode(summary(all, seconds, processor()-before)))
}

var last struct {
	sync.Mutex
	answer []byte
}

func (c *connection) send() {
	began := time.Now()
	_, err := c.tls.Write(c.request)
	fail(err)
	response, err := http.ReadResponse(c.reader, nil)
	fail(err)
	answer, err := io.ReadAll(response.Body)
	fail(err)
	c.times = append(c.times, time.Since(began))
	c.statuses[response.StatusCode]++
	last.Lock()
	last.answer = answer
	last.Unlock()
	if response.Close {
		log.Fatal("the server closed a connection that was to be kept")
	}
}

func summary(all []*connection, seconds, cpu float64) result {
	var times []time.Duration
	statuses := map[int]int{}
	for _, one := range all {
		times = append(times, one.times...)
		for status, count := range one.statuses {
			statuses[status] += count
		}
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		return float64(times[int(share*float64(len(times)-1))].Microseconds()) / 1000
	}
	return result{len(times), seconds, statuses, at(0.5), at(0.9), at(0.99), at(1), cpu,
		string(bytes.TrimSpace(last.answer))}
}

func processor() float64 {
	var usage syscall.Rusage
	fail(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func fail(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
