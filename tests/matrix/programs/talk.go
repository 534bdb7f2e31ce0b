// Carries lines over TLS with crypto/tls; name=value arguments as matrix.peers.programs says.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

var wishes = map[string]string{}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func configuration() *tls.Config {
	versions := map[string]uint16{
		"TLS 1.0": tls.VersionTLS10, "TLS 1.1": tls.VersionTLS11,
		"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13,
	}
	suite, err := strconv.Atoi(wishes["suite"])
	must(err)
	keylog, err := os.OpenFile(wishes["keylog"], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(err)
	config := &tls.Config{
		MinVersion:         versions[wishes["version"]],
		MaxVersion:         versions[wishes["version"]],
		CipherSuites:       []uint16{uint16(suite)},
		KeyLogWriter:       keylog,
		InsecureSkipVerify: true,
		ClientSessionCache: tls.NewLRUClientSessionCache(8),
	}
	server := wishes["role"] == "server"
	if wishes["retry"] == "1" {
		config.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
		if server {
			config.CurvePreferences = []tls.CurveID{tls.CurveP384}
		}
	}
	if server || wishes["mutual"] == "1" {
		pair, err := tls.LoadX509KeyPair(wishes["certificate"], wishes["key"])
		must(err)
		config.Certificates = []tls.Certificate{pair}
	}
	if server && wishes["mutual"] == "1" {
		pem, err := os.ReadFile(wishes["authority"])
		must(err)
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(pem)
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config
}

func answer(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReaderSize(connection, 1<<16)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			if err != io.EOF {
				fmt.Fprintln(os.Stderr, err)
			}
			return
		}
		connection.Write([]byte("200 OK: " + line))
	}
}

func talk(config *tls.Config, lines *bufio.Reader) bool {
	connection, err := tls.Dial("tcp", "127.0.0.1:"+wishes["port"], config)
	must(err)
	defer connection.Close()
	answers := bufio.NewReaderSize(connection, 1<<16)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\n" {
			return true
		}
		_, err = connection.Write([]byte(line))
		must(err)
		text, err := answers.ReadString('\n')
		must(err)
		os.Stdout.WriteString(text)
	}
}

func main() {
	for _, argument := range os.Args[1:] {
		name, value, _ := strings.Cut(argument, "=")
		wishes[name] = value
	}
	config := configuration()
	if wishes["role"] == "server" {
		listening, err := tls.Listen("tcp", "127.0.0.1:"+wishes["port"], config)
		must(err)
		for {
			connection, err := listening.Accept()
			must(err)
			go answer(connection)
		}
	}
	lines := bufio.NewReaderSize(os.Stdin, 1<<16)
	for talk(config, lines) {
	}
}
