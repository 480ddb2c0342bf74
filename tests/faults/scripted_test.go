//go:build unix

package faults

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// scripted is a server that knows the right answers and may spoil them. It keeps its values whatever happens.
type scripted struct {
	d    dialect
	addr string

	mu     sync.Mutex
	values map[string]string
	conns  map[*net.TCPConn]bool
	three  map[*net.TCPConn]bool // those of RESP3
	asked  int                   // commands so far

	accepted int // connections so far

	deliver deliver
}

// deliver writes a reply to the connection, or does something else with it; false closes the connection, after whatever
// deliver did to it. It runs on the connection's goroutine.
type deliver func(conn *net.TCPConn, request, reply []byte) bool

// set has replies delivered in another way from now on.
func (s *scripted) set(f deliver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliver = f
}

func startScripted(t testing.TB, d dialect, f deliver) *scripted {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{
		d: d, addr: l.Addr().String(), deliver: f,
		values: map[string]string{}, conns: map[*net.TCPConn]bool{}, three: map[*net.TCPConn]bool{},
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			running.Go(func() { s.serve(conn.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.cutAll()
		running.Wait()
	})
	return s
}

// cutAll closes all connections.
func (s *scripted) cutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
}

func (s *scripted) serve(conn *net.TCPConn) {
	s.mu.Lock()
	s.conns[conn] = true
	s.accepted++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.conns, conn)
		delete(s.three, conn)
		s.mu.Unlock()
		conn.Close()
	}()
	for r := bufio.NewReaderSize(conn, 64<<10); ; {
		request, err := readRequest(s.d, r)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.asked++
		if version, ok := bytes.CutPrefix(request, []byte("*2\r\n$5\r\nHELLO\r\n$1\r\n")); ok && s.d == redis {
			s.three[conn] = version[0] == '3'
		}
		reply, f := s.answer(request), s.deliver
		if s.three[conn] {
			reply = inThree(reply)
		}
		s.mu.Unlock()
		if !f(conn, request, reply) {
			return
		}
	}
}

// inThree is a reply of RESP2 in RESP3, as far as they differ here: nils, and what HELLO answers.
func inThree(reply []byte) []byte {
	if bytes.HasPrefix(reply, []byte(helloReply)) {
		return []byte("%1\r\n$5\r\nproto\r\n:3\r\n")
	}
	reply = bytes.ReplaceAll(reply, []byte("\n"+nil2), []byte("\n"+nil3))
	reply = bytes.ReplaceAll(reply, []byte("\n"+nil2), []byte("\n"+nil3)) // those that followed one another
	if string(reply) == nil2 {
		return []byte(nil3)
	}
	return reply
}

const helloReply = "*2\r\n$5\r\nproto\r\n:2\r\n"

// pushing delivers the reply among what nobody asked for, where the connection is of RESP3.
func (s *scripted) pushing(conn *net.TCPConn, _, reply []byte) bool {
	s.mu.Lock()
	three := s.three[conn]
	s.mu.Unlock()
	if three {
		const push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
		reply = slices.Concat([]byte(push), reply, []byte(push+">0\r\n"))
	}
	return faithful(conn, nil, reply)
}

// faithful delivers the reply.
func faithful(conn *net.TCPConn, _, reply []byte) bool {
	_, err := conn.Write(reply)
	return err == nil
}

// hangUp ends a connection with a FIN: no input may be left unread, or the kernel would make it a RST.
func hangUp(conn *net.TCPConn) {
	conn.CloseWrite()
	io.Copy(io.Discard, conn)
}

// readRequest reads one command.
func readRequest(d dialect, r *bufio.Reader) ([]byte, error) {
	if d == redis {
		return readRESP(r)
	}
	line, err := r.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	at := 0
	switch f := strings.Fields(string(line)); {
	case len(f) == 0:
		return line, nil
	case f[0] == "set":
		at = 4
	case f[0] == "ms":
		at = 2
	default:
		return line, nil
	}
	n, err := strconv.Atoi(strings.Fields(string(line))[at])
	if err != nil {
		return nil, err
	}
	return appendBody(line, r, n)
}

// right is the right reply to a request.
func (s *scripted) right(request string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.answer([]byte(request)))
}

// answer is the right reply. Only what the suite sends is known.
func (s *scripted) answer(request []byte) []byte {
	if s.d == redis {
		return s.answerRedis(request)
	}
	return s.answerMC(request)
}

func (s *scripted) answerRedis(request []byte) []byte {
	raw, _ := bulks(request)
	var a []string
	for _, b := range raw {
		a = append(a, string(b))
	}
	bulkAt := func(key string) string {
		if v, ok := s.values[key]; ok {
			return bulk(v)
		}
		return "$-1\r\n"
	}
	switch name := strings.ToUpper(a[0]); name {
	case "HELLO":
		return []byte(helloReply)
	case "GET":
		return []byte(bulkAt(a[1]))
	case "SET":
		reply := "+OK\r\n"
		if len(a) > 3 { // GET
			reply = bulkAt(a[1])
		}
		s.values[a[1]] = a[2]
		return []byte(reply)
	case "MSET":
		for i := 1; i+1 < len(a); i += 2 {
			s.values[a[i]] = a[i+1]
		}
		return []byte("+OK\r\n")
	case "MGET":
		b := fmt.Appendf(nil, "*%d\r\n", len(a)-1)
		for _, k := range a[1:] {
			b = append(b, bulkAt(k)...)
		}
		return b
	case "DEL", "EXISTS":
		n := 0
		for _, k := range a[1:] {
			if _, ok := s.values[k]; ok {
				n++
			}
			if name == "DEL" {
				delete(s.values, k)
			}
		}
		return fmt.Appendf(nil, ":%d\r\n", n)
	case "INCR":
		n, _ := strconv.Atoi(s.values[a[1]])
		s.values[a[1]] = strconv.Itoa(n + 1)
		return fmt.Appendf(nil, ":%d\r\n", n+1)
	case "STRLEN":
		return fmt.Appendf(nil, ":%d\r\n", len(s.values[a[1]]))
	case "EVAL":
		return fmt.Appendf(nil, "*2\r\n%s%s", bulk(a[3]), bulk(a[4]))
	case "ECHO": // the proxy answers it by itself, and PING
		return []byte(bulk(a[1]))
	case "PING":
		return []byte("+PONG\r\n")
	default:
		return fmt.Appendf(nil, "-ERR the scripted server does not know %s\r\n", name)
	}
}

func (s *scripted) answerMC(request []byte) []byte {
	line, body, _ := bytes.Cut(request, []byte("\r\n"))
	f := strings.Fields(string(line))
	if len(f) == 0 {
		return []byte("ERROR\r\n")
	}
	var value string
	var known bool
	if len(f) > 1 {
		value, known = s.values[f[1]]
	}
	word := func(yes, no string) []byte {
		if known {
			return []byte(yes)
		}
		return []byte(no)
	}
	switch f[0] {
	case "version":
		return []byte("VERSION scripted\r\n")
	case "mn":
		return []byte("MN\r\n")
	case "get", "gets", "gat":
		var b []byte
		for _, k := range f[1:] {
			if v, ok := s.values[k]; ok && (f[0] != "gat" || k != f[1]) {
				b = fmt.Appendf(b, "VALUE %s 0 %d", k, len(v))
				if f[0] == "gets" {
					b = append(b, " 7"...)
				}
				b = fmt.Appendf(b, "\r\n%s\r\n", v)
			}
		}
		return append(b, "END\r\n"...)
	case "set":
		s.values[f[1]] = string(body[:len(body)-2])
		if f[len(f)-1] == "noreply" {
			return nil
		}
		return []byte("STORED\r\n")
	case "delete":
		delete(s.values, f[1])
		return word("DELETED\r\n", "NOT_FOUND\r\n")
	case "touch":
		return word("TOUCHED\r\n", "NOT_FOUND\r\n")
	case "ms":
		s.values[f[1]] = string(body[:len(body)-2])
		return []byte("HD" + echoed(f) + "\r\n")
	case "mg":
		if !known {
			return []byte("EN" + echoed(f) + "\r\n")
		}
		return fmt.Appendf(nil, "VA %d%s\r\n%s\r\n", len(value), echoed(f), value)
	case "ma":
		n, _ := strconv.Atoi(value)
		s.values[f[1]] = strconv.Itoa(n + 1)
		return fmt.Appendf(nil, "VA %d%s\r\n%d\r\n", len(s.values[f[1]]), echoed(f), n+1)
	default:
		return fmt.Appendf(nil, "SERVER_ERROR the scripted server does not know %s\r\n", f[0])
	}
}

// echoed are the flags k and O as a meta reply returns them.
func echoed(f []string) string {
	b := ""
	for _, flag := range f[2:] {
		switch flag[0] {
		case 'k':
			b += " k" + f[1]
		case 'O':
			b += " " + flag
		}
	}
	return b
}
