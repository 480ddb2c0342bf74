package main

import (
	"os"
	"strings"
	"testing"
)

// TestPages: what README.md and docs show is what the result that git keeps has.
func TestPages(t *testing.T) {
	r, err := readResult("results/goals.json")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, name := range pages {
		old, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		page, err := r.page(old)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if string(page) != string(old) {
			t.Errorf("%s: its figures are not those of bench/results/goals.json; make plots writes them", name)
		}
		shown += strings.Count(string(page), pageBegin) - strings.Count(string(page), pageEnd)
	}
	if shown != len(sections) {
		t.Errorf("pages have %d sections; want each of %d once", shown, len(sections))
	}
}

// TestPage: what stands between the lines is replaced, and nothing else.
func TestPage(t *testing.T) {
	r := testResult()
	page, err := r.page([]byte("a\n" + pageBegin + "summary -->\nold\n" + pageEnd + "b\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := string(page)
	if !strings.HasPrefix(got, "a\n"+pageBegin+"summary -->\n") || !strings.HasSuffix(got, pageEnd+"b\n") || strings.Contains(got, "old") || !strings.Contains(got, "1 KiB, SET / GET | ") {
		t.Errorf("it is\n%s", got)
	}
	for _, wrong := range []string{pageBegin + "summary -->\n", pageBegin + "other -->\n" + pageEnd, pageBegin + "near -->\n" + pageBegin + "near -->\n" + pageEnd} {
		if page, err := r.page([]byte(wrong)); err == nil {
			t.Errorf("%q becomes %q", wrong, page)
		}
	}
}
