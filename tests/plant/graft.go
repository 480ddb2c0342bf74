package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// All faults that are searched for are grafted into one program, which costs the compiler once what one of them would: the function
// with a fault gets another body in front of its own, and a number in the environment says which it is.
//
//	func (c *Conn) flush() {
//		if plantedFault == 17 {
//			... with the fault
//			return
//		}
//		...
//	}

// variable has the number of the fault that is switched on, counted from 1; 0: none is.
const variable = "CASHEW_PLANT"

// switched is the file that each package with a fault gets.
const switched = `package %s

import (
	"os"
	"strconv"
)

// plantedFault is the number of the fault that is switched on.
var plantedFault, _ = strconv.Atoi(os.Getenv("` + variable + `"))
`

// graft writes files with the faults into dir, and what tells the compiler of them, whose name it returns.
func graft(dir string, all []*trial) (overlay string, err error) {
	files := make(map[string][]*trial)
	for _, p := range all {
		files[p.file] = append(files[p.file], p)
	}
	replace := make(map[string]string)
	put := func(name, text string) error {
		abs, err := filepath.Abs(name)
		if err != nil {
			return err
		}
		if replace[abs] == "" {
			replace[abs] = filepath.Join(dir, strconv.Itoa(len(replace))+".go")
		}
		return os.WriteFile(replace[abs], []byte(text), 0o600)
	}
	for name, of := range files {
		text, pkg, err := grafted(name, of)
		if err == nil {
			err = put(name, text)
		}
		if err == nil {
			err = put(filepath.Join(filepath.Dir(name), "planted_fault.go"), fmt.Sprintf(switched, pkg))
		}
		if err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

// grafted is the text of a file with faults in it, and the name of its package.
func grafted(name string, of []*trial) (text, pkg string, err error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return "", "", err
	}
	src, set := string(source), token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, 0)
	if err != nil {
		return "", "", err
	}
	base := set.File(file.Pos()).Base()
	fronts := make(map[int]string) // by the offset behind the brace of a function
	for _, p := range of {
		from, to, in, err := p.place(src)
		if err != nil {
			return "", "", err
		}
		results, body := function(file, token.Pos(base+from), token.Pos(base+to))
		if body == nil {
			return "", "", fmt.Errorf("%s: it is in no function", p.name)
		}
		begin, end := int(body.Lbrace)-base+1, int(body.Rbrace)-base
		back := ""
		if results == nil {
			back = "return\n"
		}
		fronts[begin] += fmt.Sprintf("\nif plantedFault == %d {\n%s%s%s\n%s}\n", p.number, src[begin:from], in, src[to:end], back)
	}
	at := make([]int, 0, len(fronts))
	for begin := range fronts {
		at = append(at, begin)
	}
	slices.Sort(at)
	for _, begin := range slices.Backward(at) {
		src = src[:begin] + fronts[begin] + src[begin:]
	}
	return src, file.Name.Name, nil
}

// place is where in src something changes, without what is the same on both sides of it, and what comes there.
func (p *plant) place(src string) (from, to int, in string, err error) {
	if n := strings.Count(src, p.old); n != 1 {
		return 0, 0, "", fmt.Errorf("%s: %s has %d times %q; want once", p.name, p.file, n, p.old)
	}
	from = strings.Index(src, p.old)
	to = from + len(p.old)
	front := 0
	for front < min(len(p.old), len(p.new)) && p.old[front] == p.new[front] {
		front++
	}
	back := 0
	for back < min(len(p.old), len(p.new))-front && p.old[len(p.old)-1-back] == p.new[len(p.new)-1-back] {
		back++
	}
	return from + front, to - back, p.new[front : len(p.new)-back], nil
}

// function is the function around a place, or the function in a variable; its body is nil if there is none.
func function(file *ast.File, from, to token.Pos) (results *ast.FieldList, body *ast.BlockStmt) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body != nil && n.Body.Lbrace < from && to <= n.Body.Rbrace {
				results, body = n.Type.Results, n.Body
			}
			return false
		case *ast.FuncLit:
			if n.Body.Lbrace < from && to <= n.Body.Rbrace {
				results, body = n.Type.Results, n.Body
			}
			return false
		}
		return true
	})
	return results, body
}
