package resp_test

import (
	"fmt"

	"cashew/codec"
	"cashew/codec/resp"
)

// A client's input is parsed one frame after the other. The last one has not come in full yet.
func ExampleProtocol_ParseCommand() {
	p := resp.New(resp.Options{})
	var (
		cl  codec.Client
		s   codec.Scan
		cmd codec.Command
	)
	in := []byte("*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$2\r\nbc\r\nPING\r\n*2\r\n$3\r\nGET\r\n$10\r\nuser")
	for len(in) > 0 {
		n, err := p.ParseCommand(&cl, &s, in, &cmd)
		if err != nil {
			fmt.Println("to be closed:", err)
			return
		}
		if n == 0 {
			fmt.Printf("%d bytes are no whole frame, which has %d or more\n", len(in), s.Need)
			return
		}
		switch name := p.CommandName(&cmd); cmd.Kind {
		case codec.Forward:
			fmt.Printf("%s goes to the server that owns %q\n", name, cmd.Key)
		case codec.Scatter:
			fmt.Printf("%s goes to those that own %d keys, the last %q\n", name, len(cmd.Keys), cmd.KeyAt(len(cmd.Keys)-1))
		case codec.Local:
			fmt.Printf("%s is answered %q\n", name, p.AppendLocal(nil, &cl, &cmd))
		}
		in = in[n:]
	}
	// Output:
	// get goes to the server that owns "a"
	// mget goes to those that own 2 keys, the last "bc"
	// ping is answered "+PONG\r\n"
	// 22 bytes are no whole frame, which has 30 or more
}

// A server's replies are told apart, wherever the kernel cuts them.
func ExampleProtocol_ScanReply() {
	p := resp.New(resp.Options{})
	var s codec.ReplyScan
	for _, piece := range []string{"+OK\r\n*2\r\n$5\r\nhel", "lo\r\n:7\r\n-ERR unk", "nown\r\n"} {
		for buf := []byte(piece); len(buf) > 0; {
			n, done, err := p.ScanReply(&s, buf)
			if err != nil {
				fmt.Println("to be closed:", err)
				return
			}
			if done {
				fmt.Printf("%q ends a reply of type %c\n", buf[:n], s.First)
			} else {
				fmt.Printf("%q goes on\n", buf[:n])
			}
			buf = buf[n:]
		}
	}
	// Output:
	// "+OK\r\n" ends a reply of type +
	// "*2\r\n$5\r\nhel" goes on
	// "lo\r\n:7\r\n" ends a reply of type *
	// "-ERR unk" goes on
	// "nown\r\n" ends a reply of type -
}
