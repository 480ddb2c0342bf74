// Package proxyproto reads the header in which a proxy before this one (HAProxy, a cloud's balancer) says whose connection it
// passes on: versions 1, a line of text, and 2, in binary. It reads that header exactly, and not a byte behind it.
//
//	PROXY TCP4 192.0.2.7 198.51.100.1 40000 6379\r\n
//	\r\n\r\n\0\r\nQUIT\n, version and command, family, length in two bytes; addresses; TLVs, which are skipped
//
// Source: haproxy 2.9 doc/proxy-protocol.txt, sections 2.1 and 2.2.
package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// Header is what a header says.
type Header struct {
	// Source and Destination are the client's address and the one that it connected to, IPv4 in IPv6 as plain IPv4. Where neither is
	// valid the client came over a unix socket, if Unix says so; else the header tells nothing (LOCAL, UNKNOWN, UNSPEC): the sender
	// connects for itself, perhaps to see whether we are alive, and the socket's own addresses are the client's.
	Source, Destination netip.AddrPort
	Unix                bool
}

const (
	maxLine   = 107      // bytes of version 1, with CR and LF
	minLine   = 15       // bytes of the shortest, "PROXY UNKNOWN\r\n"
	prefix    = 16       // bytes of version 2 before the addresses
	maxFields = 16 << 10 // bytes of version 2 behind its prefix: a certificate fits, the 64 KiB that there might be are too much
	signature = "\r\n\r\n\x00\r\nQUIT\n"
)

// ErrAbsent is that the bytes are no header at all.
var ErrAbsent = errors.New("there is no PROXY header")

// Read reads a header from r, exactly. An error of r is returned as it is: io.EOF if r ends before the first byte, as of those who
// connect to see whether somebody listens, io.ErrUnexpectedEOF if it ends within the header. Any other error says what is wrong with
// the header, in one line, and how much was read is not told then.
func Read(r io.Reader) (Header, error) {
	b := make([]byte, minLine, maxLine) // a header of version 2 is longer, too
	if _, err := io.ReadFull(r, b); err != nil {
		return Header{}, err
	}
	switch {
	case strings.HasPrefix(string(b), "PROXY "):
		return readLine(r, b)
	case strings.HasPrefix(string(b), signature):
		return readBinary(r, b)
	}
	return Header{}, ErrAbsent
}

// read is io.ReadFull for bytes that have to come.
func read(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// readLine reads the rest of version 1. b has room for the longest line. What is read next is never more than what has to come yet.
func readLine(r io.Reader, b []byte) (Header, error) {
	for {
		if line, whole := bytes.CutSuffix(b, []byte("\r\n")); whole {
			return parseLine(string(line))
		}
		if bytes.IndexByte(b, '\n') >= 0 {
			return Header{}, errors.New("PROXY header: a line feed without a carriage return")
		}
		more := missing(b)
		if len(b)+more > maxLine {
			return Header{}, fmt.Errorf("PROXY header: longer than %d bytes", maxLine)
		}
		if err := read(r, b[len(b):len(b)+more]); err != nil {
			return Header{}, err
		}
		b = b[:len(b)+more]
	}
}

// missing is how many bytes of a line that begins with b have to come at least: its end, and two for each field that has not begun.
func missing(b []byte) int {
	n := 2
	if b[len(b)-1] == '\r' {
		n = 1
	}
	if fields := bytes.Count(b, []byte(" ")); bytes.HasPrefix(b, []byte("PROXY TCP")) && fields < 5 && n == 2 {
		n += 2 * (5 - fields)
	}
	return n
}

// parseLine reads a line of version 1 without its end.
func parseLine(line string) (h Header, err error) {
	fields := strings.Split(line, " ")
	switch family := fields[1]; {
	case family == "UNKNOWN":
		return h, nil // what follows is to be ignored
	case family != "TCP4" && family != "TCP6":
		return h, fmt.Errorf("PROXY header: the family %q is none of TCP4, TCP6 and UNKNOWN", family)
	case len(fields) != 6:
		return h, fmt.Errorf("PROXY header: %d fields in place of 6", len(fields))
	}
	is4 := fields[1] == "TCP4"
	if h.Source, err = parseAddr(fields[2], fields[4], is4); err != nil {
		return Header{}, err
	}
	if h.Destination, err = parseAddr(fields[3], fields[5], is4); err != nil {
		return Header{}, err
	}
	return h, nil
}

// parseAddr reads an address and a port, both as short as they can be.
func parseAddr(host, port string, is4 bool) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(host)
	if err != nil || a.Is4() != is4 || a.Zone() != "" {
		return netip.AddrPort{}, fmt.Errorf("PROXY header: %q is no address of its family", host)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return netip.AddrPort{}, fmt.Errorf("PROXY header: %q is no port", port)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
}

// Families of version 2, each with its transport, of which only streams can be meant here, and bytes of their addresses.
const (
	unspecified = 0x00
	tcp4        = 0x11
	tcp6        = 0x21
	unixStream  = 0x31

	bytes4    = 2 * (4 + 2)
	bytes6    = 2 * (16 + 2)
	bytesUnix = 2 * 108
)

// readBinary reads the rest of version 2; b is the beginning of its prefix.
func readBinary(r io.Reader, b []byte) (h Header, err error) {
	b = b[:prefix]
	if err := read(r, b[minLine:]); err != nil {
		return h, err
	}
	command, family, left := b[12], b[13], int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case command>>4 != 2:
		return h, fmt.Errorf("PROXY header: version %d in binary; there is only 2", command>>4)
	case command&0xf > 1:
		return h, fmt.Errorf("PROXY header: command %d is neither LOCAL (0) nor PROXY (1)", command&0xf)
	case left > maxFields:
		return h, fmt.Errorf("PROXY header: %d bytes of addresses and TLVs; at most %d are read", left, maxFields)
	}
	if command&0xf == 1 {
		if h, left, err = readAddrs(r, family, left); err != nil {
			return Header{}, err
		}
	}
	if n, err := io.CopyN(io.Discard, r, int64(left)); err != nil {
		if errors.Is(err, io.EOF) && n < int64(left) {
			err = io.ErrUnexpectedEOF
		}
		return Header{}, err
	}
	return h, nil
}

// readAddrs reads the addresses of version 2, of which left bytes come in all, and returns how many come behind them.
func readAddrs(r io.Reader, family byte, left int) (h Header, behind int, err error) {
	size := 0
	switch family {
	case unspecified:
		return h, left, nil
	case tcp4:
		size = bytes4
	case tcp6:
		size = bytes6
	case unixStream:
		size = bytesUnix
	default:
		return h, 0, fmt.Errorf("PROXY header: family and transport %#02x are none of a stream", family)
	}
	if left < size {
		return h, 0, fmt.Errorf("PROXY header: %d bytes are too few for addresses of %d", left, size)
	}
	b := make([]byte, size)
	if err := read(r, b); err != nil {
		return h, 0, err
	}
	if h.Unix = family == unixStream; !h.Unix {
		n := (size - 4) / 2 // of an address
		h.Source, h.Destination = addrOf(b[:n], b[2*n:]), addrOf(b[n:2*n], b[2*n+2:])
	}
	return h, left - size, nil
}

// addrOf is an address of 4 or 16 bytes, and the port at the front of port.
func addrOf(addr, port []byte) netip.AddrPort {
	a, _ := netip.AddrFromSlice(addr) // it has one of the two lengths
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(port))
}
