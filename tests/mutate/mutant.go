package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// mutant is one mistake: in file the bytes from start to end are replaced.
type mutant struct {
	file       string
	source     []byte
	start, end int
	text       string
	kind       string
}

// neighbours are what an operator is taken for.
var neighbours = map[token.Token]string{
	token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">", token.EQL: "!=", token.NEQ: "==",
	token.LAND: "||", token.LOR: "&&",
}

// mutants finds all mistakes that can be made in the functions of a file. Constants and types outside of them are left alone:
// sizes and times are settings, which no test should pin.
func mutants(file string, source []byte) ([]mutant, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &finder{file: file, source: source, set: set}
	for _, d := range tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			ast.Inspect(fn.Body, f.visit)
		}
	}
	return f.found, nil
}

type finder struct {
	file   string
	source []byte
	set    *token.FileSet
	found  []mutant
}

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		f.negate(n.Cond)
	case *ast.ForStmt:
		f.negate(n.Cond)
	case *ast.BinaryExpr:
		if to, ok := neighbours[n.Op]; ok {
			f.add("operator", n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), to)
		}
	case *ast.BasicLit:
		if n.Kind == token.INT {
			f.add("constant", n.Pos(), n.End(), "("+n.Value+" + 1)")
		}
	case *ast.BlockStmt:
		f.drop(n.List)
	case *ast.CaseClause:
		f.drop(n.Body)
	case *ast.ExprStmt:
		return !f.silent(n)
	}
	return true
}

func (f *finder) negate(cond ast.Expr) {
	b, ok := cond.(*ast.BinaryExpr)
	if cond != nil && (!ok || b.Op != token.EQL && b.Op != token.NEQ) { // an operator's neighbour is the same
		f.add("condition", cond.Pos(), cond.End(), "!("+f.between(cond)+")")
	}
}

// drop leaves out one statement each: a call, an assignment.
func (f *finder) drop(list []ast.Stmt) {
	for _, s := range list {
		switch a := s.(type) {
		case *ast.AssignStmt:
			if a.Tok == token.DEFINE {
				continue
			}
		case *ast.IncDecStmt:
		case *ast.ExprStmt:
			if f.silent(a) {
				continue
			}
		default:
			continue
		}
		f.add("statement", s.Pos(), s.End(), "")
	}
}

// silent says of a call that no test is to notice it: what is logged is for people, and copies are counted only where the
// build tag invariants is set.
func (f *finder) silent(s *ast.ExprStmt) bool {
	text := f.between(s)
	return strings.Contains(text, ".Log.") || strings.HasPrefix(text, "h.log.") || strings.Contains(text, ".Copies.Add(")
}

func (f *finder) between(n ast.Node) string {
	return string(f.source[f.set.Position(n.Pos()).Offset:f.set.Position(n.End()).Offset])
}

func (f *finder) add(kind string, start, end token.Pos, text string) {
	f.found = append(f.found, mutant{
		file: f.file, source: f.source, kind: kind, text: text,
		start: f.set.Position(start).Offset, end: f.set.Position(end).Offset,
	})
}

// mutated is the file with the mistake.
func (m *mutant) mutated() []byte {
	return bytes.Join([][]byte{m.source[:m.start], []byte(m.text), m.source[m.end:]}, nil)
}

// place is file:line.
func (m *mutant) place() string {
	return fmt.Sprintf("%s:%d", m.file, 1+bytes.Count(m.source[:m.start], []byte("\n")))
}

// diff is the lines that the mistake changes, before and after it, without what stands around them.
func (m *mutant) diff() (before, after string) {
	first := bytes.LastIndexByte(m.source[:m.start], '\n') + 1
	last := len(m.source)
	if n := bytes.IndexByte(m.source[m.end:], '\n'); n >= 0 {
		last = m.end + n
	}
	line := func(p ...[]byte) string { return strings.Join(strings.Fields(string(bytes.Join(p, nil))), " ") }
	return line(m.source[first:last]), line(m.source[first:m.start], []byte(m.text), m.source[m.end:last])
}
