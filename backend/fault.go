package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"cashew/codec/unblock"
	"cashew/loop"
	"cashew/tlsconn"
)

// What can go wrong between a request and its reply, apart from an errno of the socket.
var (
	ErrTimeout  = errors.New("backend: request timed out")
	ErrClosed   = errors.New("backend: server closed the connection")
	ErrEjected  = errors.New("backend: no server of the pool is live")
	ErrBadReply = errors.New("backend: unparsable or stray reply")
	ErrUnfit    = errors.New("backend: reply that can't answer its command")
	ErrLeases   = errors.New("all transaction_connections of the server are in use")
	ErrBlocked  = errors.New("all blocking_connections of the server are in use")

	// ErrUnblocked is for a command that blocked, and whose client had better send it again.
	ErrUnblocked = errors.New("backend: unblocked")
	// ErrElsewhere is for one whose key another server has by now, where that can be asked in place of the client.
	ErrElsewhere = errors.New("backend: unblocked, to block elsewhere")
	// ErrAsked and ErrElapsed are for one that another client asked to have unblocked, with an error or as if its time were over.
	ErrAsked   = errors.New("backend: unblocked by a client")
	ErrElapsed = errors.New("backend: unblocked by a client, its time over")
	// ErrUnknown and ErrHeld are for servers that sentinels tell of: none has told where it is; another is about to take its place. A cluster's
	// seeds are unknown before one of them has told of the cluster, and topology.Nowhere is while nothing is discovered.
	ErrUnknown = errors.New("nobody has told yet where the server is")
	ErrHeld    = errors.New("the server is about to be replaced by its replica")
	ErrSilent  = errors.New("backend: connection died in silence")
	ErrStopped = errors.New("backend: the proxy ends")

	// ErrUnsure is for who asks what became of all that it wrote; see Standing.
	ErrUnsure = errors.New("connections to the server were lost, or lead elsewhere, since this client came: what it wrote before may be lost")
)

// Unserved says that err is for a request of which no server is known that would serve it.
func Unserved(err error) bool { return errors.Is(err, ErrEjected) || errors.Is(err, ErrUnknown) }

// Unblocks says that err is for a command that was blocked, and why it is so no more: it is our doing.
func Unblocks(err error) (why unblock.Reason, is bool) {
	switch {
	case errors.Is(err, ErrUnblocked), errors.Is(err, ErrElsewhere):
		return unblock.Moved, true
	case errors.Is(err, ErrAsked):
		return unblock.Asked, true
	case errors.Is(err, ErrElapsed):
		return unblock.Elapsed, true
	}
	return 0, false
}

// errOrder is why requests fail when outq is not in order.
var errOrder = fmt.Errorf("%w: a reply met another request than its own", loop.ErrPanic)

// handshakeError is a server's refusal of AUTH or SELECT.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "backend: handshake: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// Text is what a client reads after "-ERR " or "SERVER_ERROR ": the C library's words for the errno that twemproxy
// would have had, see its msg_get_error. A server that hangs up with requests outstanding has no errno, and twemproxy says
// "unknown"; we say what it amounts to.
func Text(err error) string {
	var errno syscall.Errno
	var dns *net.DNSError
	var hs *handshakeError
	var unable *unableError
	var handshake *tlsconn.ServerError
	var mute *muteError
	switch {
	case errors.As(err, &mute):
		return Text(mute.err) + mute.hint
	case errors.As(err, &unable):
		return oneLine(strings.TrimPrefix(unable.Error(), "backend: "))
	case errors.As(err, &handshake):
		return oneLine(handshake.Why)
	case refusesTLS(err) != "":
		return "the server refuses TLS: " + oneLine(refusesTLS(err))
	case timedOut(err):
		return "Connection timed out"
	case errors.Is(err, ErrEjected):
		return "Connection refused"
	case errors.Is(err, ErrClosed), errors.Is(err, ErrStopped), errors.Is(err, io.EOF):
		return "Connection reset by peer"
	case errors.Is(err, ErrBadReply), errors.Is(err, ErrUnfit):
		return "Invalid argument"
	case errors.Is(err, loop.ErrPanic):
		return "internal error of the proxy"
	case errors.As(err, &hs):
		return "server refused the connection: " + oneLine(hs.err.Error())
	case errors.As(err, &dns):
		return "Host is down"
	case errors.As(err, &errno):
		return errnoText(errno)
	}
	return oneLine(err.Error())
}

// timedOut reports whether err says that time ran out: ours, or the system's for a connection.
func timedOut(err error) bool {
	for _, cause := range []error{ErrTimeout, ErrSilent, os.ErrDeadlineExceeded, context.DeadlineExceeded, syscall.ETIMEDOUT} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// errnoText is strerror(3) in the C locale. Go keeps the same words in lower case; what differs beyond the first letter
// and can happen on a socket stands in the table.
func errnoText(e syscall.Errno) string {
	switch e {
	case syscall.EMFILE:
		return "Too many open files"
	case syscall.ENFILE:
		return "Too many open files in system"
	case syscall.ENOENT:
		return "No such file or directory"
	}
	s := e.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

// oneLine makes s fit for a reply line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, s)
}
