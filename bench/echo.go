package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
)

// echoCommand is the argument with which the bench runs itself as a server that has an answer at hand for every set and
// get of one key, and no server behind it:
//
//	bench echo -addr 127.0.0.1:22121 -protocol redis -size 64
//
// With gnet, on one event loop, as cashew is: what it costs is the least that one more hop can cost. It skips values
// without looking at them, and each callback ends in one write.
const echoCommand = "echo"

// serveEcho serves until the process is told to stop.
func serveEcho(args []string) error {
	fs := flag.NewFlagSet("bench "+echoCommand, flag.ContinueOnError)
	addr := fs.String("addr", "", "")
	protocol := fs.String("protocol", "redis", "")
	size := fs.Int("size", 1, "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *size < 0 {
		return fmt.Errorf("-size %d", *size)
	}
	var reader func(*echoClient, []byte, []byte) ([]byte, int, error)
	var value string
	switch *protocol {
	case "redis":
		reader, value = (*echoClient).readRedis, fmt.Sprintf("$%d\r\n%s\r\n", *size, strings.Repeat("x", *size))
	case "memcached":
		reader, value = (*echoClient).readMemcached, fmt.Sprintf(" 0 %d\r\n%s\r\nEND\r\n", *size, strings.Repeat("x", *size))
	default:
		return fmt.Errorf("-protocol %q: want redis or memcached", *protocol)
	}
	return gnet.Run(&echoServer{reader: reader, value: value}, "tcp://"+*addr, gnet.WithNumEventLoop(1), gnet.WithLogLevel(logging.WarnLevel))
}

// echoServer is gnet's event handler. All that it has is used by its one event loop.
type echoServer struct {
	gnet.BuiltinEventEngine
	reader func(c *echoClient, in, out []byte) (replies []byte, used int, err error)
	value  string // a get's reply; in memcached's, without its beginning
	out    []byte
}

func (s *echoServer) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	c.SetContext(&echoClient{value: s.value})
	return nil, gnet.None
}

func (s *echoServer) OnTraffic(c gnet.Conn) gnet.Action {
	in, err := c.Peek(-1)
	if err != nil {
		return gnet.Close
	}
	out, used, err := s.reader(c.Context().(*echoClient), in, s.out[:0])
	s.out = out
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Discard(used); err != nil {
		return gnet.Close
	}
	if len(out) > 0 {
		if _, err := c.Write(out); err != nil {
			return gnet.Close
		}
	}
	return gnet.None
}

// echoClient is a client and how much is still to come of its request. Nothing here allocates once out has grown.
type echoClient struct {
	value string
	args  int    // Redis: arguments that are still to come of a command
	skip  int    // bytes that are still to come of an argument or a value
	reply string // due when nothing is to come any more; "" for none
}

var errEcho = errors.New("not a request")

// skipValue passes over what came of a value and its line's end, and reports whether that is all of it.
func (c *echoClient) skipValue(in []byte, used int) (int, bool) {
	n := min(c.skip, len(in)-used)
	c.skip -= n
	return used + n, c.skip == 0
}

// readRedis appends the replies to the commands that end in in, and says how many bytes it is done with.
func (c *echoClient) readRedis(in, out []byte) (replies []byte, used int, err error) {
	for {
		var whole bool
		if used, whole = c.skipValue(in, used); !whole {
			return out, used, nil
		}
		if c.args == 0 {
			out, c.reply = append(out, c.reply...), ""
		}
		end := bytes.IndexByte(in[used:], '\n')
		if end < 0 {
			return out, used, nil
		}
		line := bytes.TrimSuffix(in[used:used+end], []byte("\r"))
		n, ok := 0, len(line) > 1
		if ok {
			n, ok = decimal(line[1:])
		}
		switch {
		case ok && c.args == 0 && line[0] == '*' && n > 0:
			c.args = n
			used += end + 1
			continue
		case !ok || c.args == 0 || line[0] != '$':
			return out, used, errEcho
		case c.reply == "": // the command's name
			name := in[used+end+1:]
			if len(name) < n {
				return out, used, nil
			}
			c.reply = c.redisReply(name[:n])
		}
		used += end + 1
		c.args--
		c.skip = n + 2
	}
}

// redisReply is what a command is answered. redis-benchmark asks for CONFIG before it begins and can do without.
func (c *echoClient) redisReply(name []byte) string {
	switch {
	case bytes.EqualFold(name, []byte("GET")):
		return c.value
	case bytes.EqualFold(name, []byte("SET")):
		return "+OK\r\n"
	case bytes.EqualFold(name, []byte("PING")):
		return "+PONG\r\n"
	}
	return "-ERR unknown command\r\n"
}

// readMemcached is readRedis for memcached's classic text commands.
func (c *echoClient) readMemcached(in, out []byte) (replies []byte, used int, err error) {
	for {
		var whole bool
		if used, whole = c.skipValue(in, used); !whole {
			return out, used, nil
		}
		out, c.reply = append(out, c.reply...), ""
		end := bytes.IndexByte(in[used:], '\n')
		if end < 0 {
			return out, used, nil
		}
		line := bytes.TrimSuffix(in[used:used+end], []byte("\r"))
		used += end + 1
		if key, ok := bytes.CutPrefix(line, []byte("get ")); ok {
			out = append(append(append(out, "VALUE "...), key...), c.value...)
			continue
		}
		n, ok := decimal(line[bytes.LastIndexByte(line, ' ')+1:])
		switch {
		case ok && bytes.HasPrefix(line, []byte("set ")):
			c.skip, c.reply = n+2, "STORED\r\n"
		case string(line) == "version":
			out = append(out, "VERSION echo\r\n"...)
		default:
			return out, used, errEcho
		}
	}
}

// decimal reads a number of at most nine digits.
func decimal(digits []byte) (n int, ok bool) {
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = 10*n + int(d-'0')
	}
	return n, len(digits) > 0 && len(digits) < 10
}
