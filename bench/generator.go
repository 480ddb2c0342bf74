package main

import (
	"io"
	"os"

	"cashew/bench/generator"
)

// generateCommand is the argument with which the bench runs itself as a load generator, in a process of its own so that
// its CPU time is the client's; see package generator for its flags:
//
//	bench load -addr 127.0.0.1:6379 -protocol redis -test get -clients 100 -requests 100000 -pipeline 1 -keys 1000 -size 64
const generateCommand = "load"

// generated is what it prints.
type generated = generator.Figures

func generate(args []string, stdout io.Writer) error {
	return generator.Run(args, os.Stdin, stdout)
}
