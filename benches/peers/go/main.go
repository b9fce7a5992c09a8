// The programs of benches/peers/moonlet as goroutines: peers <program> <argument>…
//
// A goroutine has no mailbox, shares memory with all others, and cannot be watched or killed: a
// channel takes the place of each. So `nested`, which is about copies, is not here.
package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

func main() {
	args := make([]int, 2)
	for i, text := range os.Args[2:] {
		args[i], _ = strconv.Atoi(text)
	}
	a, b := args[0], args[1]
	switch os.Args[1] {
	case "spawn":
		took(func() { spawn(a) })
	case "idle":
		idle(a)
	case "ping_pong":
		took(func() { pingPong(a) })
	case "ring":
		ring(a, b)
	case "fan_in":
		took(func() { fanIn(a, b) })
	case "pairs":
		took(func() { pairs(a, b) })
	case "tree":
		took(func() { tree(a) })
	case "sleepers":
		sleepers(a)
	case "timers":
		took(func() { timers(a) })
	case "beside_hogs":
		besideHogs(a, b)
	case "start":
		fmt.Println("ready")
		time.Sleep(time.Minute)
	case "fib":
		took(func() { runtime.KeepAlive(fib(a)) })
	default:
		os.Exit(1)
	}
}

func took(do func()) {
	start := time.Now()
	do()
	fmt.Println("took", time.Since(start).Seconds())
}

func printLate(late []time.Duration) {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprint(out, "late")
	for _, by := range late {
		fmt.Fprint(out, " ", by.Seconds())
	}
	fmt.Fprintln(out)
}

func spawn(n int) {
	ends := make(chan struct{}, n)
	for range n {
		go func() { ends <- struct{}{} }()
	}
	for range n {
		<-ends
	}
}

func idle(n int) {
	time.Sleep(500 * time.Millisecond)
	fmt.Println("mark empty")
	time.Sleep(500 * time.Millisecond)
	for range n {
		stop := make(chan struct{})
		go func() { <-stop }()
	}
	time.Sleep(time.Second)
	runtime.GC()
	time.Sleep(2 * time.Second)
	fmt.Println("mark full")
	time.Sleep(500 * time.Millisecond)
}

func echo(pings <-chan int, pongs chan<- int) {
	for ping := range pings {
		pongs <- ping
	}
}

func pingPong(n int) {
	pings, pongs := make(chan int), make(chan int)
	go echo(pings, pongs)
	for i := range n {
		pings <- i
		<-pongs
	}
	close(pings)
}

func ring(size, hops int) {
	first := make(chan int, 1)
	tokens := first
	for range size - 1 {
		next := make(chan int, 1)
		go func(in <-chan int, out chan<- int) {
			for left := range in {
				out <- left - 1
			}
		}(tokens, next)
		tokens = next
	}
	took(func() {
		for left := hops; left > 0; {
			first <- left - 1
			left = <-tokens
		}
	})
}

func fanIn(senders, n int) {
	numbers := make(chan int, 1024)
	for range senders {
		go func() {
			for i := range n {
				numbers <- i
			}
		}()
	}
	for range senders * n {
		<-numbers
	}
}

func pairs(n, rounds int) {
	done := make(chan struct{})
	for range n {
		go func() {
			pingPong(rounds)
			done <- struct{}{}
		}()
	}
	for range n {
		<-done
	}
}

func tree(leaves int) {
	sums := make(chan int, 1)
	go node(sums, 0, leaves)
	if <-sums != leaves*(leaves-1)/2 {
		os.Exit(1)
	}
}

func node(parent chan<- int, first, leaves int) {
	if leaves == 1 {
		parent <- first
		return
	}
	sums, share, sum := make(chan int, 10), leaves/10, 0
	for i := range 10 {
		go node(sums, first+i*share, share)
	}
	for range 10 {
		sum += <-sums
	}
	parent <- sum
}

// Sleeps, and tells how much longer that took.
func late(sleep time.Duration) time.Duration {
	start := time.Now()
	time.Sleep(sleep)
	return time.Since(start) - sleep
}

func sleepers(n int) {
	reports, all := make(chan time.Duration, n), make([]time.Duration, n)
	for range n {
		ms := time.Duration(1 + rand.Intn(1000))
		go func() { reports <- late(ms * time.Millisecond) }()
	}
	for i := range n {
		all[i] = <-reports
	}
	printLate(all)
}

func timers(n int) {
	for range n {
		time.NewTimer(time.Minute).Stop()
	}
}

func besideHogs(hogs, n int) {
	var isOver atomic.Bool
	for range hogs {
		go func() {
			for !isOver.Load() {
			}
		}()
	}
	time.Sleep(100 * time.Millisecond)
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = late(time.Millisecond)
	}
	isOver.Store(true)
	printLate(all)
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}
