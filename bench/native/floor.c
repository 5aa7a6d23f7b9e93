/*
 * The least that a server can do: one send() a turn for each subscriber, of bytes that it need not make. Nothing is sold,
 * recorded or numbered. `floor SYMBOLS ROW`; prints its port and the port on which it takes its orders.
 * A subscriber says `1` or `0` for each symbol and is answered `K`.
 */
#include "common.h"

#define MOST 100000

static int fds[MOST];
static char *takes[MOST];
static int whole[MOST];

int main(int argc, char **argv) {
  if (argc != 3) fail("usage: floor SYMBOLS ROW");
  end_with_parent();
  uint32_t symbols = (uint32_t)atoi(argv[1]), count = 0;
  const char *row = argv[2];
  size_t length = strlen(row), symbol = (size_t)(strstr(row, "S00") - row), mark = (size_t)(strchr(row, '|') - row);
  int port, control_port, listening = listen_loopback(&port), orders = listen_loopback(&control_port);
  printf("%d %d\n", port, control_port);
  fflush(stdout);
  int control = -1;
  while (control < 0) {
    struct pollfd waiting[2] = {{.fd = listening, .events = POLLIN}, {.fd = orders, .events = POLLIN}};
    poll(waiting, 2, -1);
    if (waiting[1].revents != 0) control = accept(orders, NULL, NULL);
    if (waiting[0].revents == 0) continue;
    if (count == MOST) fail("too many subscribers");
    int fd = accept(listening, NULL, NULL);
    no_delay(fd);
    takes[count] = malloc(symbols);
    for (uint32_t have = 0; have < symbols;) {
      ssize_t got = read(fd, takes[count] + have, symbols - have);
      if (got <= 0) fail("a subscriber went away");
      have += (uint32_t)got;
    }
    whole[count] = memchr(takes[count], '0', symbols) == NULL;
    fds[count++] = fd;
    write_all(fd, "K", 1);
  }
  char *turn = malloc(length * 1000), *own = malloc(length * 1000);
  uint64_t published = 0;
  for (;;) {
    struct credit credit = next_credit(control);
    uint64_t begin = now_ns(), begun = published;
    while (published < credit.rows) {
      uint32_t rows = credit.rows_per_turn;
      if (credit.turns_per_second > 0) {
        uint64_t due = begin + (published - begun) / rows * 1000000000ull / credit.turns_per_second, now = now_ns();
        if (due > now) {
          struct timespec pause = {.tv_sec = (time_t)((due - now) / 1000000000ull), .tv_nsec = (long)((due - now) % 1000000000ull)};
          nanosleep(&pause, NULL);
        }
      }
      uint64_t at = now_ns();
      for (uint32_t i = 0; i < rows; i++) {
        char name[8];
        snprintf(name, sizeof name, "S%02u", (unsigned)((published + i) % symbols));
        memcpy(turn + i * length, row, length);
        memcpy(turn + i * length + symbol, name, 3);
        if (credit.turns_per_second > 0) stamp(turn + i * length + mark + 1, at);
      }
      for (uint32_t c = 0; c < count; c++) {
        if (whole[c]) {
          write_all(fds[c], turn, length * rows);
          continue;
        }
        size_t filled = 0;
        for (uint32_t i = 0; i < rows; i++) {
          if (takes[c][(published + i) % symbols] != '1') continue;
          memcpy(own + filled, turn + i * length, length);
          filled += length;
        }
        if (filled > 0) write_all(fds[c], own, filled);
      }
      published += rows;
      newer_credit(control, &credit);
    }
  }
}
