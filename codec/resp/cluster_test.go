package resp

import (
	"testing"

	"cashew/codec/verdict"
)

// TestJudgeElsewhere: what servers that change places say was not done is done elsewhere, or later; but what a script says was, whatever it
// says, unless it is word by word what a server says before it begins one.
func TestJudgeElsewhere(t *testing.T) {
	cluster, sentinels := New(Options{Cluster: true}), New(Options{Sentinels: true})
	for _, c := range []struct {
		reply                string
		set, eval, sentinels verdict.Verdict // in a cluster, of any command and of a script; with sentinels, of any
	}{
		{"-MOVED 1 127.0.0.1:1", verdict.Moved, verdict.Moved, verdict.Fine},
		{"-ASK 1 127.0.0.1:1", verdict.Asked, verdict.Asked, verdict.Fine},
		{"-MOVED on, says a script", verdict.Moved, verdict.Fine, verdict.Fine},
		{"-ASK me", verdict.Asked, verdict.Fine, verdict.Fine},
		{"-TRYAGAIN Multiple keys request during rehashing of slot", verdict.Halved, verdict.Halved, verdict.Fine},
		{"-TRYAGAIN later", verdict.Halved, verdict.Fine, verdict.Fine},
		{"-CLUSTERDOWN Hash slot not served", verdict.Again, verdict.Again, verdict.Fine},
		{"-CLUSTERDOWN The cluster is down", verdict.Again, verdict.Again, verdict.Fine},
		{"-CLUSTERDOWN The cluster is down and only accepts read commands", verdict.Again, verdict.Again, verdict.Fine},
		{"-CLUSTERDOWN says a script", verdict.Again, verdict.Fine, verdict.Fine},
		{"-LOADING Valkey is loading the dataset in memory", verdict.Again, verdict.Again, verdict.Again},
		{"-LOADING is loading the dataset in memory", verdict.Again, verdict.Fine, verdict.Again},
		{"-LOADING says a script", verdict.Again, verdict.Fine, verdict.Again},
		{"-MASTERDOWN Link with MASTER is down and slave-serve-stale-data is set to 'no'.", verdict.Again, verdict.Again, verdict.Again},
		{"-MASTERDOWN says a script", verdict.Again, verdict.Fine, verdict.Again},
		{"-READONLY You can't write against a read only replica.", verdict.Again, verdict.Again, verdict.Again},
		{"-READONLY You can't write against a read only replica. script: 6e1b, on @user_script:1.", verdict.Again, verdict.Again, verdict.Again},
		{"-READONLY says a script", verdict.Again, verdict.Demoted, verdict.Again},
		{"-ERR no", verdict.Fine, verdict.Fine, verdict.Fine},
	} {
		reply := []byte(c.reply + crlf)
		for _, got := range []struct {
			p       *Protocol
			command string
			want    verdict.Verdict
		}{{cluster, "set", c.set}, {cluster, "eval", c.eval}, {cluster, "fcall", c.eval}, {cluster, "evalsha_ro", c.eval}, {sentinels, "set", c.sentinels}} {
			if v := got.p.Judge(RESP2, mustOp(got.command), reply); v != got.want {
				t.Errorf("%s: %q = %v; want %v", got.command, c.reply, v, got.want)
			}
		}
	}
}
