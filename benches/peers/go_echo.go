// A TCP echo server in Go: a goroutine for each connection, on the runtime's poller.
//
// build: go build -o go go_echo.go
// run:   ./go PORT            port 0 lets the system choose; SIGINT and SIGTERM end it
//
// io.Copy(connection, connection) would say the same in a line, but on Linux it moves the bytes by
// splice(2) through a pipe: twice the system calls, and nothing that the other servers do. Go sets
// TCP_NODELAY itself.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

const chunkSize = 16 * 1024

func complain(what string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
}

// isNews tells whether an error is more than a client that has gone.
func isNews(err error) bool {
	return !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE)
}

func echo(connection net.Conn) {
	defer connection.Close()
	chunk := make([]byte, chunkSize)
	for {
		length, err := connection.Read(chunk)
		if length > 0 {
			// Write returns when all is written.
			if _, err := connection.Write(chunk[:length]); err != nil {
				if isNews(err) {
					complain("write", err)
				}
				return
			}
		}
		if err != nil {
			if isNews(err) {
				complain("read", err)
			}
			return
		}
	}
}

func serve(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			complain("accept", err)
			// Without descriptors, accept fails at once for as long as a client waits.
			time.Sleep(100 * time.Millisecond)
			continue
		}
		go echo(connection)
	}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(runtime.Version())
		return
	}
	if len(os.Args) != 2 {
		fmt.Fprintf(os.Stderr, "usage: %s PORT\n", os.Args[0])
		os.Exit(2)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		complain("cannot serve", err)
		os.Exit(1)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	go func() {
		<-signals
		listener.Close()
	}()
	serve(listener)
}
