package admin

import (
	"errors"
	"net/http"
	"testing"
)

// TestAcceptDiscovered: who may change the proxy may have a pool go on with what was discovered.
func TestAcceptDiscovered(t *testing.T) {
	r := newRig()
	if w := r.do("POST", "/discovery/accept?pool=p"); w.Code != http.StatusNotFound {
		t.Errorf("where none are looked for: %d %s", w.Code, w.Body)
	}
	var asked string
	r.src.Accept = func(pool string) error {
		if asked = pool; pool == "q" {
			return errors.New("no list")
		}
		return nil
	}
	if w := r.do("POST", "/discovery/accept?pool=p"); w.Code != http.StatusOK || asked != "p" {
		t.Errorf("accepted: %d %s, asked for %q", w.Code, w.Body, asked)
	}
	if w := r.do("POST", "/discovery/accept?pool=q"); w.Code != http.StatusConflict {
		t.Errorf("without a list: %d %s", w.Code, w.Body)
	}
	if w := r.do("POST", "/discovery/accept"); w.Code != http.StatusBadRequest {
		t.Errorf("without a pool: %d %s", w.Code, w.Body)
	}
	if w := r.do("GET", "/discovery/accept?pool=p"); w.Code == http.StatusOK {
		t.Errorf("by GET: %d %s", w.Code, w.Body)
	}
}
