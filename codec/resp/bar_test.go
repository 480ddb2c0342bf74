package resp

import (
	"testing"

	"cashew/codec"
	"cashew/codec/codectest"
)

// What follows a refused command that changes what later ones mean does not run.
func TestBar(t *testing.T) {
	const (
		inMulti  = "-" + refuseInMulti + "\r\n"
		streams  = "-" + refuseStreams + "\r\n"
		selected = "-ERR an earlier SELECT was refused: this pool serves database 0 only\r\n"
		onlyZero = "-ERR DB index is out of range: this pool serves database 0 only\r\n"
		queued   = "+QUEUED\r\n"
		aborted  = "-EXECABORT Transaction discarded because of previous errors.\r\n"
		runs     = "runs"    // it is forwarded
		quietly  = "quietly" // so that nobody has the reply
		silent   = "silent"  // it is answered by nothing
		refused  = "refused"
	)
	for _, tt := range []struct {
		name  string
		steps [][2]string
	}{
		{"MULTI", [][2]string{
			{"multi", "+OK\r\n"},
			{"incrby bal 100", queued},
			{"mget a b", queued},
			{"ping", queued},
			{"lolwut", queued},
			{"time", queued},
			{"client setname x", queued},
			{"select 0", queued},
			{"multi", "-ERR MULTI calls can not be nested\r\n"},
			{"watch a", "-ERR WATCH inside MULTI is not allowed\r\n"},
			{"discard", "+OK\r\n"},
			{"get a", runs},
			{"exec", "-ERR EXEC without MULTI\r\n"},
			{"discard", "-ERR DISCARD without MULTI\r\n"},
			{"multi", "+OK\r\n"},
			{"exec", "*0\r\n"},
			{"multi", "+OK\r\n"},
			{"reset", "+RESET\r\n"},
			{"get a", runs},
			{"multi x", refused},
			{"get a", runs},
			{"unwatch", "+OK\r\n"},
		}},
		{"spoiled MULTI", [][2]string{
			{"multi", "+OK\r\n"},
			{"set a", "-ERR wrong number of arguments for 'set' command\r\n"},
			{"set a b", queued},
			{"exec", aborted},
			{"multi", "+OK\r\n"},
			{"object tomorrow a", "-ERR unknown subcommand 'tomorrow'. Try OBJECT HELP.\r\n"},
			{"exec", aborted},
			{"multi", "+OK\r\n"},
			{"nosuch", "-ERR unknown command 'nosuch', with args beginning with: \r\n"},
			{"discard", "+OK\r\n"},
			{"multi", "+OK\r\n"},
			{"discard x", "-ERR wrong number of arguments for 'discard' command\r\n"},
			{"exec", aborted},
			{"multi", "+OK\r\n"},
			{"exec x", "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n"},
			{"exec", "-ERR EXEC without MULTI\r\n"},
			{"exec x", "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n"},
			{"multi", "+OK\r\n"},
			{"hello 3", inMulti},
			{"auth x", inMulti},
			{"select 1", "-ERR SELECT to another database is refused: this pool serves database 0 only\r\n"},
			{"client reply off", inMulti},
			{"client reply on", inMulti},
			{"client list", inMulti},
			{"subscribe a", refused},
			{"exec", aborted},
			{"get a", runs},
		}},
		{"SELECT", [][2]string{
			{"select 1", onlyZero},
			{"get a", selected},
			{"ping", selected},
			{"client setname x", selected},
			{"select 2", onlyZero},
			{"hello 2", ""},
			{"get a", selected},
			{"select 0", "+OK\r\n"},
			{"get a", runs},
			{"select x", "-ERR value is not an integer or out of range\r\n"},
			{"get a", runs},
			{"select -1", onlyZero},
			{"get a", runs},
			{"select 1", onlyZero},
			{"reset", "+RESET\r\n"},
			{"get a", runs},
		}},
		{"SELECT and MULTI", [][2]string{
			{"select 1", onlyZero},
			{"multi", selected},
			{"select 0", queued},
			{"incr a", selected},
			{"exec", aborted},
			{"incr a", selected},
			{"select 0", "+OK\r\n"},
			{"incr a", runs},
		}},
		{"CLIENT REPLY", [][2]string{
			{"client reply off", silent},
			{"set a b", quietly},
			{"ping", silent},
			{"nosuch", silent},
			{"client reply x", silent},
			{"client reply skip", silent},
			{"quit x", silent},
			{"client reply on", "+OK\r\n"},
			{"set a b", runs},
			{"client reply skip", silent},
			{"client reply skip", silent},
			{"set a b", quietly},
			{"set a b", runs},
			{"client reply skip", silent},
			{"client reply on", "+OK\r\n"},
			{"set a b", runs},
			{"client reply x", errSyntax},
			{"client reply off", silent},
			{"reset", "+RESET\r\n"},
			{"ping", "+PONG\r\n"},
		}},
		{"SELECT behind CLIENT REPLY", [][2]string{
			{"client reply skip", silent},
			{"select 1", silent},
			{"set a 1", selected},
			{"select 0", "+OK\r\n"},
			{"set a 1", runs},
			{"client reply off", silent},
			{"select 1", silent},
			{"client reply on", "+OK\r\n"},
			{"set a 1", selected},
			{"select 0", "+OK\r\n"},
			{"set a 1", runs},
		}},
		{"SELECT behind AUTH of a user", [][2]string{
			{"auth u p", errHelloWrong},
			{"select 1", "-" + refuseUser + "\r\n"},
			{"auth default x", "+OK\r\n"},
			{"set a 1", selected},
			{"select 0", "+OK\r\n"},
			{"set a 1", runs},
		}},
		{"AUTH of a user", [][2]string{
			{"auth alice secret", errHelloWrong},
			{"get a", "-" + refuseUser + "\r\n"},
			{"auth default x", "+OK\r\n"},
			{"get a", runs},
			{"hello 2 auth alice secret", errHelloWrong},
			{"get a", "-" + refuseUser + "\r\n"},
			{"hello 2 auth default x", ""},
			{"get a", runs},
			{"auth x", errAuthNeedless},
			{"get a", runs},
		}},
		{"MONITOR", [][2]string{{"monitor", refused}, {"get a", streams}, {"reset", "+RESET\r\n"}, {"psync ? -1", refused}, {"get a", streams}}},
		{"another database", [][2]string{
			{"copy a b db 5", "-ERR COPY to another database is refused: this pool serves database 0 only\r\n"},
			{"get a", runs},
			{"copy a b replace DB 5", "-ERR COPY to another database is refused: this pool serves database 0 only\r\n"},
			{"copy a b db 0", runs},
			{"copy a b db x", runs},
			{"copy a b", runs},
			{"copy a b db", runs},
			{"move a 1", refused},
			{"swapdb 0 1", refused},
		}},
	} {
		cl := &codec.Client{ID: 1, Authed: true}
		for i, step := range tt.steps {
			got, _, err := codectest.Commands(New(Options{}), cl, [][]byte{[]byte(step[0] + "\n")})
			if err != nil || len(got) != 1 {
				t.Fatalf("%s, step %d, %s: %v, %v", tt.name, i, step[0], got, err)
			}
			c := got[0]
			switch goesOn := c.Kind == codec.Forward || c.Kind == codec.Scatter; {
			case step[1] == silent || step[1] == quietly:
				if c.Reply != "" || step[1] == quietly != (c.Kind == codec.Quietly) {
					t.Errorf("%s, step %d, %s: %v %q; want it %s", tt.name, i, step[0], codectest.KindName(c.Kind), c.Reply, step[1])
				}
			case step[1] == runs && !goesOn, step[1] == refused && c.Kind != codec.Refuse:
				t.Errorf("%s, step %d, %s: %v %q; want it %s", tt.name, i, step[0], codectest.KindName(c.Kind), c.Reply, step[1])
			case step[1] != runs && goesOn, step[1] != runs && step[1] != refused && step[1] != "" && c.Reply != step[1]:
				t.Errorf("%s, step %d, %s: %v %q; want %q", tt.name, i, step[0], codectest.KindName(c.Kind), c.Reply, step[1])
			}
		}
	}
}
