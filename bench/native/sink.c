/*
 * The subscribers of a benchmark: many connections in one thread, the same program for every server. It says on each
 * connection what a job file has for it, counts rows by the mark that each has once ('|'), and tells the publisher how
 * far it may go, so that the publisher is as fast as the slowest of them, and nothing piles up.
 *
 * sink JOB SERVER_PORT CONTROL_PORT
 * Job, little endian: u32 connections, u32 symbols, u32 framing (0 none, 1 WebSocket, 2 kdb+); then for each connection
 * u32 stages, for each stage u32 length and what is sent, u32 length and what is waited for; then a byte per symbol, 1 where it is taken.
 * Framing begins after the first stage. Row i is of symbol i modulo their number.
 *
 * Standard input, a line each:  run ROWS_PER_TURN WINDOW_ROWS ACK_ROWS WARM_MS MS
 *                               pace ROWS_PER_TURN TURNS_PER_SECOND MS
 * Standard output, a line of JSON each.
 */
#include "common.h"
#include <sys/epoll.h>

#define BUFFER (256 * 1024)
#define AT_ONCE 64
#define KEPT (256 * 1024)
#define STUCK_NS 30000000000ull
#define MARK '|'
#define DIGITS 19
#define BUCKETS 4000000

enum framing { PLAIN, WEBSOCKET, KDB };

struct bytes {
  const unsigned char *at;
  uint32_t length;
};

struct connection {
  int fd;
  uint32_t stages, stage;
  const unsigned char *script;
  const unsigned char *takes;
  uint32_t taken;
  uint32_t *before;
  unsigned char *kept;
  size_t kept_length;
  int framed;
  unsigned char head[16];
  uint32_t head_length;
  uint64_t payload_left;
  uint64_t count, want;
  int digits;
  uint64_t stamp;
};

static unsigned char buffer[BUFFER];
static struct connection *connections;
static uint32_t count_of, symbols, framing;
static uint64_t delivered;
static uint32_t reached;
static int epoll, control;
static int timing;
static uint32_t *histogram;
static uint64_t received_at;

static uint32_t u32(const unsigned char **at) {
  uint32_t value;
  memcpy(&value, *at, 4);
  *at += 4;
  return value;
}

static struct bytes part(const unsigned char **at) {
  struct bytes found;
  found.length = u32(at);
  found.at = *at;
  *at += found.length;
  return found;
}

static void begin_stage(struct connection *c) {
  const unsigned char *at = c->script;
  struct bytes said = part(&at);
  if (said.length > 0) write_all(c->fd, said.at, said.length);
}

static void note_latency(uint64_t sent) {
  uint64_t micros = received_at > sent ? (received_at - sent) / 1000 : 0;
  histogram[micros < BUCKETS ? micros : BUCKETS - 1]++;
}

/* Counts the marks; when timing, reads the time after each, which may be cut in two. */
static void count_rows(struct connection *c, const unsigned char *at, size_t length) {
  uint64_t marks = 0;
  if (!timing) {
    for (size_t i = 0; i < length; i++) marks += at[i] == MARK;
  } else {
    const unsigned char *end = at + length;
    while (at < end) {
      if (c->digits == 0) {
        at = memchr(at, MARK, (size_t)(end - at));
        if (at == NULL) break;
        at++;
        marks++;
        c->digits = DIGITS;
        c->stamp = 0;
      } else {
        c->stamp = c->stamp * 10 + (uint64_t)(*at++ - '0');
        if (--c->digits == 0) note_latency(c->stamp);
      }
    }
  }
  if (marks == 0) return;
  delivered += marks;
  uint64_t before = c->count;
  c->count += marks;
  if (before < c->want && c->count >= c->want) reached++;
}

/* Bytes of a frame's head and of its payload, 0 where the head is not whole yet. */
static int head_of(struct connection *c, uint64_t *payload) {
  const unsigned char *h = c->head;
  if (framing == KDB) {
    if (c->head_length < 8) return 0;
    *payload = ((uint32_t)h[4] | (uint32_t)h[5] << 8 | (uint32_t)h[6] << 16 | (uint32_t)h[7] << 24) - 8u;
    return 8;
  }
  if (c->head_length < 2) return 0;
  uint32_t length = h[1] & 127u;
  uint32_t need = length == 127 ? 10 : length == 126 ? 4 : 2;
  if (c->head_length < need) return 0;
  if (need == 2) *payload = length;
  else {
    *payload = 0;
    for (uint32_t i = 2; i < need; i++) *payload = *payload << 8 | h[i];
  }
  if ((h[0] & 15) == 8) fail("the server closed a WebSocket");
  return (int)need;
}

static void take(struct connection *c, const unsigned char *at, size_t length) {
  if (framing == PLAIN) {
    count_rows(c, at, length);
    return;
  }
  while (length > 0) {
    if (c->payload_left == 0) {
      c->head[c->head_length++] = *at++;
      length--;
      uint64_t payload;
      if (head_of(c, &payload) > 0) {
        c->payload_left = payload;
        c->head_length = 0;
      }
      continue;
    }
    size_t now = length < c->payload_left ? length : (size_t)c->payload_left;
    count_rows(c, at, now);
    c->payload_left -= now;
    at += now;
    length -= now;
  }
}

/* While a connection is being set up; answers whether that is done. */
static int set_up(struct connection *c, const unsigned char *at, size_t length) {
  if (c->framed) take(c, at, length);
  if (c->kept_length + length > KEPT) fail("a server says too much before it is ready");
  memcpy(c->kept + c->kept_length, at, length);
  c->kept_length += length;
  while (c->stage < c->stages) {
    const unsigned char *script = c->script;
    part(&script);
    struct bytes wait = part(&script);
    unsigned char *found = wait.length == 0 ? c->kept : memmem(c->kept, c->kept_length, wait.at, wait.length);
    if (found == NULL) {
      if (memmem(c->kept, c->kept_length, "\"op\":\"error\"", 12) != NULL || memmem(c->kept, c->kept_length, "-ERR", 4) != NULL) {
        fprintf(stderr, "a server refused: %.*s\n", (int)c->kept_length, (char *)c->kept);
        exit(1);
      }
      return 0;
    }
    size_t used = (size_t)(found - c->kept) + wait.length;
    c->kept_length -= used;
    memmove(c->kept, c->kept + used, c->kept_length);
    c->script = script;
    c->stage++;
    if (!c->framed) {
      c->framed = 1;
      take(c, c->kept, c->kept_length);
    }
    if (c->stage < c->stages) begin_stage(c);
  }
  free(c->kept);
  c->kept = NULL;
  return 1;
}

static void open_connection(struct connection *c, int port) {
  c->fd = connect_loopback(port);
  c->kept = malloc(KEPT);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) die("epoll_ctl");
  begin_stage(c);
}

static void connect_all(int port) {
  struct epoll_event events[AT_ONCE];
  uint32_t opened = 0, ready = 0;
  uint64_t last = now_ns();
  while (ready < count_of) {
    while (opened < count_of && opened - ready < AT_ONCE) open_connection(&connections[opened++], port);
    int n = epoll_wait(epoll, events, AT_ONCE, 1000);
    if (n == 0 && now_ns() - last > STUCK_NS) fail("a server does not become ready");
    for (int i = 0; i < n; i++) {
      struct connection *c = events[i].data.ptr;
      ssize_t got = recv(c->fd, buffer, BUFFER, 0);
      if (got <= 0) fail("a server closed a connection that was being set up");
      last = now_ns();
      if (c->kept == NULL) take(c, buffer, (size_t)got);
      else if (set_up(c, buffer, (size_t)got)) ready++;
    }
  }
  for (uint32_t i = 0; i < count_of; i++) {
    fcntl(connections[i].fd, F_SETFL, O_NONBLOCK);
    connections[i].count = 0;
  }
  delivered = 0;
}

/* How many rows a connection has when so many were published. */
static uint64_t due(const struct connection *c, uint64_t rows) { return rows / symbols * c->taken + c->before[rows % symbols]; }

static void aim(uint64_t rows) {
  reached = 0;
  for (uint32_t i = 0; i < count_of; i++) {
    connections[i].want = due(&connections[i], rows);
    if (connections[i].count >= connections[i].want) reached++;
  }
}

static void give(uint64_t rows, uint32_t per_turn, uint32_t pace) {
  struct credit credit = {.rows = rows, .rows_per_turn = per_turn, .turns_per_second = pace};
  write_all(control, &credit, sizeof credit);
}

/* Reads what there is; answers whether there was anything. */
static int receive(int timeout_ms) {
  static struct epoll_event events[1024];
  int n = epoll_wait(epoll, events, 1024, timeout_ms);
  for (int i = 0; i < n; i++) {
    struct connection *c = events[i].data.ptr;
    ssize_t got = recv(c->fd, buffer, BUFFER, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) fail("a server closed a connection in the middle of a measurement");
    if (timing) received_at = now_ns();
    take(c, buffer, (size_t)got);
  }
  return n > 0;
}

static void exact(uint64_t rows) {
  for (uint32_t i = 0; i < count_of; i++) {
    if (connections[i].count == due(&connections[i], rows)) continue;
    fprintf(stderr, "connection %u has %lu rows, not %lu\n", i, (unsigned long)connections[i].count, (unsigned long)due(&connections[i], rows));
    exit(1);
  }
}

static uint64_t published;

/* As fast as it goes for a while, then until everything is there. */
static void run(uint32_t per_turn, uint64_t window, uint64_t ack, uint64_t warm_ms, uint64_t ms) {
  uint64_t credit = published + window, acked = published, begin = now_ns(), last = begin;
  uint64_t from = 0, from_count = 0, measured = 0, measured_ns = 0;
  int over = 0;
  aim(acked + ack);
  give(credit, per_turn, 0);
  for (;;) {
    if (receive(1000)) last = now_ns();
    uint64_t now = now_ns();
    if (now - last > STUCK_NS) fail("rows do not arrive");
    while (reached == count_of && acked < credit) {
      acked += ack;
      if (!over) {
        credit += ack;
        give(credit, per_turn, 0);
      }
      aim(acked + ack < credit ? acked + ack : credit);
    }
    if (from == 0 && now - begin >= warm_ms * 1000000) {
      from = now;
      from_count = delivered;
    } else if (from != 0 && !over && now - from >= ms * 1000000) {
      over = 1;
      measured = delivered - from_count;
      measured_ns = now - from;
    }
    if (over && acked >= credit) break;
  }
  published = credit;
  exact(published);
  printf("{\"delivered\":%lu,\"ns\":%lu,\"published\":%lu}\n", (unsigned long)measured, (unsigned long)measured_ns, (unsigned long)published);
}

static double percentile(double share, uint64_t total) {
  uint64_t rank = (uint64_t)(share * (double)(total - 1)), seen = 0;
  for (uint32_t i = 0; i < BUCKETS; i++) {
    seen += histogram[i];
    if (seen > rank) return i / 1000.0;
  }
  return -1;
}

/* At a pace; from publishing to receiving, in milliseconds. */
static void pace(uint32_t per_turn, uint32_t turns_per_second, uint64_t ms) {
  uint64_t turns = turns_per_second * ms / 1000, begin = now_ns(), last = begin;
  if (turns == 0) turns = 1;
  uint64_t target = published + turns * per_turn;
  histogram = histogram == NULL ? calloc(BUCKETS, sizeof *histogram) : memset(histogram, 0, BUCKETS * sizeof *histogram);
  timing = 1;
  uint64_t before = delivered;
  aim(target);
  give(target, per_turn, turns_per_second);
  while (reached < count_of) {
    if (receive(1000)) last = now_ns();
    else if (now_ns() - last > STUCK_NS) fail("rows do not arrive");
  }
  uint64_t ns = now_ns() - begin;
  timing = 0;
  published = target;
  exact(published);
  uint64_t total = delivered - before;
  printf("{\"delivered\":%lu,\"ns\":%lu,\"published\":%lu,\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f}\n", (unsigned long)total, (unsigned long)ns,
         (unsigned long)published, percentile(0.5, total), percentile(0.99, total), percentile(0.999, total));
}

static void load(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) die(path);
  fseek(file, 0, SEEK_END);
  long length = ftell(file);
  rewind(file);
  unsigned char *job = malloc((size_t)length);
  if (fread(job, 1, (size_t)length, file) != (size_t)length) die(path);
  fclose(file);
  const unsigned char *at = job;
  count_of = u32(&at);
  symbols = u32(&at);
  framing = u32(&at);
  connections = calloc(count_of, sizeof *connections);
  for (uint32_t i = 0; i < count_of; i++) {
    struct connection *c = &connections[i];
    c->stages = u32(&at);
    c->script = at;
    for (uint32_t stage = 0; stage < c->stages; stage++) {
      part(&at);
      part(&at);
    }
    c->takes = at;
    at += symbols;
    c->before = malloc((symbols + 1) * sizeof *c->before);
    c->before[0] = 0;
    for (uint32_t s = 0; s < symbols; s++) c->before[s + 1] = c->before[s] + c->takes[s];
    c->taken = c->before[symbols];
  }
}

int main(int argc, char **argv) {
  if (argc != 4) fail("usage: sink JOB SERVER_PORT CONTROL_PORT");
  end_with_parent();
  load(argv[1]);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  connect_all(atoi(argv[2]));
  if (atoi(argv[3]) > 0) control = connect_loopback(atoi(argv[3]));
  printf("{\"ready\":%u}\n", count_of);
  fflush(stdout);
  char line[256];
  while (fgets(line, sizeof line, stdin) != NULL) {
    unsigned per_turn, turns;
    unsigned long window, ack, warm, ms;
    if (sscanf(line, "run %u %lu %lu %lu %lu", &per_turn, &window, &ack, &warm, &ms) == 5) run(per_turn, window, ack, warm, ms);
    else if (sscanf(line, "pace %u %u %lu", &per_turn, &turns, &ms) == 3) pace(per_turn, turns, ms);
    else fail("an order that the sink does not know");
    fflush(stdout);
  }
  return 0;
}
