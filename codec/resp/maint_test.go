package resp

import (
	"testing"

	"cashew/codec"
	"cashew/codec/codectest"
)

func TestMaintNotifications(t *testing.T) {
	p := New(Options{})
	for _, tt := range []struct {
		send, lib    string
		profile      codec.Profile
		reply        string
		moving, with string // what it is told without an endpoint, and with one
	}{
		{"client maint_notifications on", "", RESP3, replyOK, "_\r\n", "$3\r\nh:1\r\n"},
		{"CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-fqdn", "redis-py", RESP3, replyOK, "_\r\n", "$3\r\nh:1\r\n"},
		{"client maint_notifications on moving-endpoint-type internal-ip", "go-redis(,go1.26)", RESP3, replyOK, "_\r\n", "$3\r\nh:1\r\n"},
		{"client maint_notifications on moving-endpoint-type EXTERNAL-IP", "node-redis", RESP3, replyOK, "", "$3\r\nh:1\r\n"},
		{"client maint_notifications on moving-endpoint-type internal-ip", "node-redis(worker)", RESP3, replyOK, "", "$3\r\nh:1\r\n"},
		{"client maint_notifications on moving-endpoint-type internal-ip", "", RESP3, replyOK, "", "$3\r\nh:1\r\n"},
		{"client maint_notifications on moving-endpoint-type none", "node-redis", RESP3, replyOK, "_\r\n", "$3\r\nh:1\r\n"},
		{"client maint_notifications off", "", RESP3, replyOK, "", ""},
		{"client maint_notifications on", "", RESP2, "-ERR CLIENT MAINT_NOTIFICATIONS needs RESP3\r\n", "", ""},
		{"client maint_notifications maybe", "", RESP3, errSyntax, "", ""},
		{"client maint_notifications off x", "", RESP3, errSyntax, "", ""},
		{"client maint_notifications on moving-endpoint-type", "", RESP3, errSyntax, "", ""},
		{"client maint_notifications on endpoint none", "", RESP3, errSyntax, "", ""},
		{"client maint_notifications on moving-endpoint-type nowhere", "", RESP3, "-ERR Invalid moving-endpoint-type\r\n", "", ""},
		{"client maint_notifications", "", RESP3, "-ERR wrong number of arguments for 'client|maint_notifications' command\r\n", "", ""},
	} {
		cl := &codec.Client{Authed: true, Profile: tt.profile, Lib: tt.lib}
		got, _, err := codectest.Commands(p, cl, [][]byte{[]byte(tt.send + "\n")})
		if err != nil || len(got) != 1 || got[0].Reply != tt.reply {
			t.Errorf("%s: %v, %v; want %q", tt.send, got, err, tt.reply)
		}
		for endpoint, want := range map[string]string{"": tt.moving, "h:1": tt.with} {
			if want != "" {
				want = ">4\r\n$6\r\nMOVING\r\n:7\r\n:4\r\n" + want
			}
			if got := string(p.AppendMoving([]byte("x"), cl, 7, 4, endpoint)); got != "x"+want {
				t.Errorf("%s: it is told %q; want %q", tt.send, got, want)
			}
		}
		cl.Moves = movesAnyhow
		if _, _, err := codectest.Commands(p, cl, [][]byte{[]byte("reset\n")}); err != nil || cl.Moves != movesUntold {
			t.Errorf("after RESET it is told still")
		}
	}
}
