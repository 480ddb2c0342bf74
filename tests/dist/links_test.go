package dist

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	notSlug = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```")
)

// anchors are where links into a page may lead, as GitHub and its like name them.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		title := link.ReplaceAllString(h[1], "]")
		all[strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), ""), " ", "-")] = true
	}
	return all
}

// broken reports each link of the pages below root that leads to no file, or to no heading of a page. Hidden folders are left out, as
// are those of installed libraries and of what is built.
func broken(t *testing.T, root string, folders ...string) {
	t.Helper()
	links := 0
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "bin" || strings.HasPrefix(d.Name(), ".") && d.Name() != "." && d.Name() != ".."):
				return fs.SkipDir
			case d.IsDir() || filepath.Ext(path) != ".md":
				return nil
			}
			for _, m := range link.FindAllStringSubmatch(read(t, path), -1) {
				links++
				if why := leads(t, path, m[1]); why != "" {
					t.Errorf("%s links to %s: %s", path, m[1], why)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if links < 100 {
		t.Errorf("there are %d links below %s; something is wrong with this test", links, root)
	}
}

// leads says why a link of page leads nowhere; "" if it leads somewhere, or out of the tree, which is not looked at.
func leads(t *testing.T, page, to string) string {
	t.Helper()
	if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
		return ""
	}
	file, anchor, _ := strings.Cut(to, "#")
	if file == "" {
		file = filepath.Base(page)
	}
	path := filepath.Join(filepath.Dir(page), file)
	if _, err := os.Stat(path); err != nil {
		return "there is no such file"
	}
	if anchor != "" && filepath.Ext(path) == ".md" && !anchors(read(t, path))[anchor] {
		return "there is no such heading"
	}
	return ""
}

// TestLinks: every link of every page leads somewhere; TestInstall has those of what is installed.
func TestLinks(t *testing.T) { broken(t, "../..", ".") }

func TestAnchors(t *testing.T) {
	got := anchors("# A page\n\n## What `GET /config` says, and *why*\n\n```\n# no heading\n```\n### [Linked](x.md) to_it\n")
	for _, want := range []string{"a-page", "what-get-config-says-and-why", "linked-to_it"} {
		if !got[want] {
			t.Errorf("anchors() has no %q; it has %v", want, got)
		}
	}
	if got["no-heading"] || len(got) != 3 {
		t.Errorf("anchors() = %v", got)
	}
}
