/*
 * Publishes to nats-server or Redis: the messages of a turn in one write, at most two turns under way, so that the
 * server is never idle and never joins turns that a publisher would have made apart.
 *
 * publisher nats|redis SERVER_PORT SYMBOLS CHANNELS ROW     CHANNELS: `one`, or `each` for a channel per symbol, t.S00, t.S01 …
 * ROW: a row with the symbol S00 in it and 19 digits after its mark. Prints the port on which it takes its orders.
 */
#include "common.h"

#define MOST_ROWS 1000
#define UNDER_WAY 2

static char *turn;
static char *stamps[MOST_ROWS];

static size_t build(int nats, const char *row, uint32_t symbols, int each, uint64_t first, uint32_t rows) {
  size_t length = strlen(row), symbol = (size_t)(strstr(row, "S00") - row), mark = (size_t)(strchr(row, '|') - row);
  char *at = turn;
  for (uint32_t i = 0; i < rows; i++) {
    char name[8], channel[16];
    snprintf(name, sizeof name, "S%02u", (unsigned)((first + i) % symbols));
    snprintf(channel, sizeof channel, each ? "t.%s" : "t", name);
    if (nats) at += sprintf(at, "PUB %s %zu\r\n", channel, length);
    else at += sprintf(at, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(channel), channel, length);
    memcpy(at, row, length);
    memcpy(at + symbol, name, 3);
    stamps[i] = at + mark + 1;
    at += length;
    *at++ = '\r';
    *at++ = '\n';
  }
  if (nats) {
    memcpy(at, "PING\r\n", 6);
    at += 6;
  }
  return (size_t)(at - turn);
}

/* One byte of each answer: PONG's O, which no PING has, and the colon of Redis's number. */
static uint64_t answers(int fd, char sign, int wait) {
  char bytes[65536];
  struct pollfd readable = {.fd = fd, .events = POLLIN};
  if (poll(&readable, 1, wait ? -1 : 0) <= 0) return 0;
  ssize_t got = read(fd, bytes, sizeof bytes);
  if (got <= 0) fail("the server closed the publisher's connection");
  uint64_t found = 0;
  for (ssize_t i = 0; i < got; i++) found += bytes[i] == sign;
  return found;
}

int main(int argc, char **argv) {
  if (argc != 6) fail("usage: publisher nats|redis SERVER_PORT SYMBOLS one|each ROW");
  end_with_parent();
  int nats = strcmp(argv[1], "nats") == 0, each = strcmp(argv[4], "each") == 0, port;
  uint32_t symbols = (uint32_t)atoi(argv[3]);
  turn = malloc(MOST_ROWS * (strlen(argv[5]) + 128));
  int server = connect_loopback(atoi(argv[2]));
  if (nats) {
    const char *hello = "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false}\r\nPING\r\n";
    char bytes[65536];
    size_t have = 0;
    write_all(server, hello, strlen(hello));
    while (memmem(bytes, have, "PONG\r\n", 6) == NULL) {
      ssize_t got = read(server, bytes + have, sizeof bytes - have);
      if (got <= 0) fail("nats-server does not answer");
      have += (size_t)got;
    }
  }
  int listening = listen_loopback(&port);
  printf("%d\n", port);
  fflush(stdout);
  int control = accept(listening, NULL, NULL);
  uint64_t published = 0, due_answers = 0, seen_answers = 0;
  for (;;) {
    struct credit credit = next_credit(control);
    uint64_t begin = now_ns(), begun = published;
    while (published < credit.rows) {
      uint32_t rows = credit.rows_per_turn;
      if (rows > MOST_ROWS) fail("too many rows a turn");
      if (credit.turns_per_second > 0) {
        uint64_t due = begin + (published - begun) / rows * 1000000000ull / credit.turns_per_second, now = now_ns();
        if (due > now) {
          struct timespec pause = {.tv_sec = (time_t)((due - now) / 1000000000ull), .tv_nsec = (long)((due - now) % 1000000000ull)};
          nanosleep(&pause, NULL);
        }
      }
      size_t length = build(nats, argv[5], symbols, each, published, rows);
      if (credit.turns_per_second > 0) {
        uint64_t at = now_ns();
        for (uint32_t i = 0; i < rows; i++) stamp(stamps[i], at);
      }
      write_all(server, turn, length);
      published += rows;
      uint64_t per_turn = nats ? 1 : rows;
      due_answers += per_turn;
      while (due_answers - seen_answers >= UNDER_WAY * per_turn) seen_answers += answers(server, nats ? 'O' : ':', 1);
      newer_credit(control, &credit);
    }
  }
}
