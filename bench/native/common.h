/* What the native programs of the benchmarks share: sockets on loopback, the clock, and how a publisher is told how far it may go. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* From the sink to a publisher: publish rows until so many have been published in all, so many a turn. */
struct credit {
  uint64_t rows;
  uint32_t rows_per_turn;
  /* 0: as fast as it goes. */
  uint32_t turns_per_second;
};

static void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

/* The clock that all processes of a machine share (Node's process.hrtime), in nanoseconds. */
static uint64_t now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
}

static void no_delay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static int connect_loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
  no_delay(fd);
  return fd;
}

/* Listens on a port of 127.0.0.1 that the machine chooses; puts it into `port`. */
static int listen_loopback(int *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 4096) != 0) die("listen");
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) die("getsockname");
  *port = ntohs(address.sin_port);
  return fd;
}

static void write_all(int fd, const void *bytes, size_t length) {
  const char *from = bytes;
  while (length > 0) {
    ssize_t written = send(fd, from, length, MSG_NOSIGNAL);
    if (written < 0 && (errno == EINTR)) continue;
    if (written < 0 && errno == EAGAIN) {
      struct pollfd room = {.fd = fd, .events = POLLOUT};
      poll(&room, 1, -1);
      continue;
    }
    if (written < 0) die("send");
    from += written;
    length -= (size_t)written;
  }
}

/* Blocks until there is a new credit; ends the process with whoever gives them. */
static struct credit next_credit(int control) {
  struct credit credit;
  size_t have = 0;
  while (have < sizeof credit) {
    ssize_t got = read(control, (char *)&credit + have, sizeof credit - have);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) exit(0);
    have += (size_t)got;
  }
  return credit;
}

/* The newest credit of those that have come; as it was where none has. */
static void newer_credit(int control, struct credit *credit) {
  struct pollfd readable = {.fd = control, .events = POLLIN};
  while (poll(&readable, 1, 0) == 1) *credit = next_credit(control);
}

/* The process ends with its parent, however that ends. */
static void end_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }

/* Writes the digits of a time over those that stand after the row's mark. */
static void stamp(char *digits, uint64_t at) {
  for (int i = 18; i >= 0; i--, at /= 10) digits[i] = (char)('0' + at % 10);
}

#endif
