package admin

import (
	"strings"
	"testing"
	"time"

	"cashew/audit"
	"cashew/engine"
)

// TestAudited: whoever gives no right token is in the audit log, by whatever method; who does is there with what may change something.
func TestAudited(t *testing.T) {
	log := new(audit.Log)
	log.Set(&audit.Policy{Kinds: audit.Admin})
	r := newRig(func(s *Sources) { s.Audit = log })
	r.with(func(o *engine.Options) { o.AdminToken = "right" })
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"} {
		for _, authorization := range []string{"", "Bearer wrong", "Bearer right"} {
			r.do(method, "/config", "Authorization", authorization)
			line := string(log.Take(nil, time.Time{}))
			reads := authorization == "Bearer right" && (method == "GET" || method == "HEAD")
			if reads != (line == "") || !reads && !strings.Contains(line, `"method":"`+method+`","path":"/config"`) ||
				authorization != "Bearer right" && !strings.Contains(line, `"result":"401"`) {
				t.Errorf("%s with %q: %q", method, authorization, line)
			}
		}
	}
}
