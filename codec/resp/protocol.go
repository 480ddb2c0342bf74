package resp

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"cashew/codec"
)

// Options are the settings of a Redis pool that its protocol must know.
type Options struct {
	Password string // what clients give and servers get (twemproxy's redis_auth); "": none
	DB       int    // the servers' database (redis_db); 0 needs no SELECT
	Version  string // the Redis version that HELLO tells; "": defaultVersion
}

const defaultVersion = "7.0.0"

// Protocol is the Redis protocol of one pool. It is immutable and may be used by all loops at once.
type Protocol struct {
	password  []byte
	guarded   bool // there is a password
	db        int
	version   string
	handshake [][]byte
}

var _ codec.Protocol = (*Protocol)(nil)

// New builds the protocol of one pool.
func New(o Options) *Protocol {
	p := &Protocol{
		password: []byte(o.Password),
		guarded:  o.Password != "",
		db:       max(o.DB, 0),
		version:  o.Version,
	}
	if p.version == "" {
		p.version = defaultVersion
	}
	if p.guarded {
		p.handshake = append(p.handshake, bulks("AUTH", o.Password))
	}
	if p.db > 0 {
		p.handshake = append(p.handshake, bulks("SELECT", strconv.Itoa(p.db)))
	}
	return p
}

// Name implements codec.Protocol.
func (*Protocol) Name() string { return "redis" }

// Guarded says whether there is a password.
func (p *Protocol) Guarded() bool { return p.guarded }

// DB is the servers' database.
func (p *Protocol) DB() int { return p.db }

// Handshake implements codec.Protocol: AUTH, then SELECT, each if configured. twemproxy sends them the other way round,
// and so works in database 0 if there is a password.
func (p *Protocol) Handshake() [][]byte { return p.handshake }

// CheckHandshake implements codec.Protocol. The error names the command and says what the server said.
func (p *Protocol) CheckHandshake(step int, reply []byte) error {
	if len(reply) > 0 && reply[0] == '+' {
		return nil
	}
	command := "AUTH"
	if step > 0 || !p.guarded {
		command = "SELECT " + strconv.Itoa(p.db)
	}
	text := bytes.TrimRight(reply, "\r\n")
	if len(text) > maxErrorText {
		text = text[:maxErrorText]
	}
	if len(text) == 0 || text[0] != '-' {
		return fmt.Errorf("resp: %s: unexpected reply %q", command, text)
	}
	if p.guarded && bytes.Contains(text, p.password) {
		return errors.New("resp: " + command + " was refused")
	}
	return fmt.Errorf("resp: %s was refused: %s", command, text[1:])
}

const maxErrorText = 256

// AppendError implements codec.Protocol.
func (*Protocol) AppendError(dst []byte, text string) []byte {
	dst = append(dst, "-ERR "...)
	dst = append(dst, text...)
	return append(dst, crlf...)
}

// AppendCrossServer implements codec.Protocol. Cluster clients know the error's code.
func (*Protocol) AppendCrossServer(dst []byte) []byte {
	return append(dst, "-CROSSSLOT Keys in request don't hash to the same server\r\n"...)
}

// AppendMalformed implements codec.Protocol.
func (p *Protocol) AppendMalformed(dst []byte, err error) []byte {
	return p.AppendError(dst, err.Error())
}

const crlf = "\r\n"

// bulks is a command.
func bulks(args ...string) []byte {
	dst := appendHeader(nil, '*', len(args))
	for _, a := range args {
		dst = appendBulk(dst, a)
	}
	return dst
}

// appendHeader appends a type byte and the line with n.
func appendHeader(dst []byte, kind byte, n int) []byte {
	dst = append(dst, kind)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, crlf...)
}

func appendBulk[T string | []byte](dst []byte, s T) []byte {
	dst = appendHeader(dst, '$', len(s))
	dst = append(dst, s...)
	return append(dst, crlf...)
}
