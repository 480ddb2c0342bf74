package engine

import (
	"testing"

	"cashew/codec/resp"
)

// TestReloadWhileLearning: a reload with other rules, or one that learns nothing, comes while a client waits for what servers say of
// its command: the client goes on as the new pool has it, and what was learned for the pool before is not used.
func TestReloadWhileLearning(t *testing.T) {
	known := "*1\r\n*7\r\n" + bulk("m.x") + ":-1\r\n*1\r\n+write\r\n:1\r\n:1\r\n:1\r\n*1\r\n+@write\r\n"
	question, call := array("COMMAND", "INFO", "m.x"), array("M.X", "k")
	for _, tt := range []struct {
		name  string
		to    resp.Options
		sends []string // to the server, behind the first question
		reply string   // ends what the client gets; the servers' answer is +1
	}{
		{"other rules", resp.Options{Learn: true, Commands: "+@all -@write"}, []string{question}, "-NOPERM command 'm.x' is not allowed by the pool's 'commands'\r\n"},
		{"still allowed", resp.Options{Learn: true, Commands: "+@all"}, []string{question, call}, "+1\r\n"},
		{"learns nothing", resp.Options{}, nil, "-ERR unknown command 'M.X', with args beginning with: 'k' \r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := connected(t, 1, func(_ *Options, po *PoolOptions) { po.Protocol = resp.New(resp.Options{Learn: true}) })
			c, v := s.connect(), s.Servers[0]
			c.Send(call)
			s.Settle()
			if got := v.Sock.Take(); got != question {
				t.Fatalf("the server got %q; want %q", got, question)
			}
			s.reload(func(_ *Options, po *PoolOptions) { po.Protocol = resp.New(tt.to) })
			s.Settle()
			v.Reply(known)
			s.Settle()
			for _, want := range tt.sends {
				if got := v.Sock.Take(); got != want {
					t.Fatalf("the server got %q; want %q", got, want)
				}
				if want == question {
					v.Reply(known)
				} else {
					v.Reply("+1\r\n")
				}
				s.Settle()
			}
			if got := c.Sock.Take(); got != tt.reply {
				t.Errorf("the client got %q; want %q", got, tt.reply)
			}
			if n, want := ask(s, s.proxy.Snapshot).Pools[0].CommandsLearned, int64(min(len(tt.sends), 1)); n != want {
				t.Errorf("%d commands are learned; want %d", n, want)
			}
		})
	}
}
