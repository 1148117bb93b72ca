// Servers of Go that insist on a client certificate, one for each mode. What becomes of each connection is a line on
// standard output: "accepted" or "rejected".
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

var (
	mode    = flag.String("mode", "", "tls, https or grpc")
	address = flag.String("listen", "", "address and port")
	version = flag.String("version", "", "1.2 or 1.3")
	cert    = flag.String("cert", "", "the server's chain")
	key     = flag.String("key", "", "the server's key")
	ca      = flag.String("ca", "", "who signs clients")
	revoked = flag.String("revoked", "", "serial number of the revoked client, hexadecimal")
)

func config() *tls.Config {
	pair, err := tls.LoadX509KeyPair(*cert, *key)
	check(err)
	roots, err := os.ReadFile(*ca)
	check(err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(roots) {
		check(errors.New("no CA certificate"))
	}
	serial, ok := new(big.Int).SetString(*revoked, 16)
	if !ok {
		check(errors.New("no serial number"))
	}
	number := uint16(tls.VersionTLS13)
	if *version == "1.2" {
		number = tls.VersionTLS12
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
		MinVersion:   number,
		MaxVersion:   number,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) > 0 && state.PeerCertificates[0].SerialNumber.Cmp(serial) == 0 {
				return errors.New("the certificate is revoked")
			}
			return nil
		},
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func report(err error) {
	if err == nil {
		fmt.Println("accepted")
	} else {
		fmt.Println("rejected:", err)
	}
}

func serveTLS(listener net.Listener) error {
	settings := config()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			secure := tls.Server(conn, settings)
			err := secure.Handshake()
			report(err)
			if err == nil {
				_, _ = io.Copy(io.Discard, secure)
			}
		}()
	}
}

type reporter struct{}

func (reporter) Write(line []byte) (int, error) {
	report(errors.New(string(line)))
	return len(line), nil
}

func serveHTTPS(listener net.Listener) error {
	server := &http.Server{
		TLSConfig: config(),
		ErrorLog:  log.New(reporter{}, "", 0),
		Handler: http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
			report(nil)
			response.WriteHeader(http.StatusNotFound)
		}),
	}
	return server.ServeTLS(listener, "", "")
}

// reporting tells how each handshake of a gRPC server ended.
type reporting struct {
	credentials.TransportCredentials
}

func (r reporting) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, info, err := r.TransportCredentials.ServerHandshake(conn)
	report(err)
	return secure, info, err
}

func serveGRPC(listener net.Listener) error {
	server := grpc.NewServer(grpc.Creds(reporting{credentials.NewTLS(config())}))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	return server.Serve(listener)
}

func main() {
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	check(err)
	switch *mode {
	case "tls":
		check(serveTLS(listener))
	case "https":
		check(serveHTTPS(listener))
	case "grpc":
		check(serveGRPC(listener))
	default:
		log.Fatal("no such mode: ", *mode)
	}
}
