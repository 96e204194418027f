// The program that is checkpointed: it holds one of each thing a checkpoint must carry over, uses all of them
// in every step, and says what it sees. It trusts nothing it can verify: memory is compared with checksums
// taken when it was filled, each record read from the open file with the number the record must have.
//
//   demo-workload --records FILE --state FILE [--megabytes N] [--threads N] [--interval-ms N]
//
// One step makes one line of JSON, written to standard output and (whole, by renaming) to the state file. The
// names are read by state.cpp. Lines on standard input are counted, so that the reading end of a pipe is
// proven too.
//
// It uses nothing but the C and C++ libraries: it must run in an otherwise empty container.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t slice_bytes = 1 << 20;  // one slice of the memory is verified per step
constexpr std::size_t record_bytes = 64;      // decimal number, spaces, newline
constexpr std::uint64_t record_count = 4096;

struct Options {
  std::string records;
  std::string state;
  std::size_t megabytes = 16;
  unsigned threads = 3;
  unsigned interval_ms = 20;
};

std::atomic<std::uint64_t> timer_ticks{0};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);  // it is touched by a signal handler

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "demo-workload: %s: %s\n", what, std::strerror(errno));
  std::exit(3);
}

void pause_ms(unsigned milliseconds) {
  timespec left{static_cast<time_t>(milliseconds / 1000), static_cast<long>(milliseconds % 1000) * 1'000'000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

// Memory whose content follows from the slice's number and which changes while the program runs: every step
// rewrites the slice it has just verified with the next generation of its content.
class Memory {
 public:
  explicit Memory(std::size_t megabytes) : generation_(megabytes, 1) {
    const std::size_t bytes = megabytes * slice_bytes;
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) die("mmap");
    words_ = static_cast<std::uint64_t*>(at);
    for (std::size_t slice = 0; slice < megabytes; ++slice) sums_.push_back(fill(slice));
  }

  void step() {
    const std::size_t slice = verified_ % generation_.size();
    if (sum(slice) != sums_[slice]) intact_ = false;
    ++generation_[slice];
    sums_[slice] = fill(slice);
    ++verified_;
  }
  bool intact() const { return intact_; }
  std::uint64_t verified() const { return verified_; }
  std::size_t slices() const { return generation_.size(); }
  // Of all slices, from what was read back; the same before and after a checkpoint within one step.
  std::uint64_t checksum() const {
    std::uint64_t all = 0;
    for (const std::uint64_t one : sums_) all = (all ^ one) * 0x100000001b3;
    return all;
  }

 private:
  static constexpr std::size_t slice_words = slice_bytes / sizeof(std::uint64_t);
  std::uint64_t* at(std::size_t slice) { return words_ + slice * slice_words; }
  std::uint64_t sum(std::size_t slice) {
    std::uint64_t result = 0xcbf29ce484222325;  // FNV-1a over words
    for (std::size_t i = 0; i < slice_words; ++i) result = (result ^ at(slice)[i]) * 0x100000001b3;
    return result;
  }
  std::uint64_t fill(std::size_t slice) {
    std::uint64_t value = (slice + 1) * 0x9e3779b97f4a7c15 + generation_[slice];
    for (std::size_t i = 0; i < slice_words; ++i) {  // xorshift
      value ^= value << 13;
      value ^= value >> 7;
      value ^= value << 17;
      at(slice)[i] = value;
    }
    return sum(slice);
  }

  std::uint64_t* words_ = nullptr;
  std::vector<std::uint64_t> generation_;
  std::vector<std::uint64_t> sums_;
  std::uint64_t verified_ = 0;
  bool intact_ = true;
};

// A file that stays open, is read one record per step and starts over at its end.
class Records {
 public:
  explicit Records(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) die(path.c_str());
  }
  void step() {
    char record[record_bytes];
    const std::uint64_t expected = read_ % record_count;
    if (expected == 0 && lseek(fd_, 0, SEEK_SET) != 0) die("lseek");
    if (read(fd_, record, sizeof record) != static_cast<ssize_t>(sizeof record) ||
        std::strtoull(record, nullptr, 10) != expected)
      intact_ = false;
    ++read_;
  }
  std::int64_t offset() const { return lseek(fd_, 0, SEEK_CUR); }
  std::uint64_t read_so_far() const { return read_; }
  bool intact() const { return intact_; }

 private:
  int fd_;
  std::uint64_t read_ = 0;
  bool intact_ = true;
};

struct Worker {
  std::atomic<std::uint64_t> progress{0};
  std::atomic<pid_t> tid{0};
};

void work(Worker& self, unsigned interval_ms) {
  self.tid = gettid();
  for (;;) {
    ++self.progress;
    pause_ms(interval_ms);
  }
}

// Blocks in read(2), as a server waiting for input would.
void count_input(std::atomic<std::uint64_t>& lines) {
  char buffer[512];
  for (;;) {
    const ssize_t got = read(0, buffer, sizeof buffer);
    if (got == 0) return;
    for (ssize_t i = 0; i < got; ++i) lines += buffer[i] == '\n' ? 1 : 0;
  }
}

void on_tick(int) {
  ++timer_ticks;
}

void start_timer(unsigned interval_ms) {
  struct sigaction action {};
  action.sa_handler = on_tick;
  action.sa_flags = SA_RESTART;
  if (sigaction(SIGRTMIN, &action, nullptr) != 0) die("sigaction");
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGRTMIN;
  timer_t timer{};
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) die("timer_create");
  const timespec period{static_cast<time_t>(interval_ms / 1000),
                        static_cast<long>(interval_ms % 1000) * 1'000'000};
  const itimerspec setting{period, period};
  if (timer_settime(timer, 0, &setting, nullptr) != 0) die("timer_settime");
}

// A second process, so that PIDs other than 1 and memory shared between processes are carried over too.
struct SharedWithChild {
  std::atomic<std::uint64_t> progress;
};

pid_t start_child(SharedWithChild& shared, unsigned interval_ms) {
  const pid_t child = fork();
  if (child < 0) die("fork");
  if (child > 0) return child;
  for (;;) {
    ++shared.progress;
    pause_ms(interval_ms);
  }
}

void publish(const std::string& path, const std::string& line) {
  const std::string beside = path + ".part";
  const int fd = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) die(beside.c_str());
  if (write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) die("write");
  close(fd);
  if (rename(beside.c_str(), path.c_str()) != 0) die("rename");
}

template <class Get>
std::string array_of(const std::vector<std::unique_ptr<Worker>>& workers, Get get) {
  std::string result = "[";
  for (const auto& worker : workers) result += (result.size() > 1 ? "," : "") + std::to_string(get(*worker));
  return result + "]";
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const char* value = argv[i + 1];
    const unsigned number = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
    if (name == "--records")
      options.records = value;
    else if (name == "--state")
      options.state = value;
    else if (name == "--megabytes" && number > 0)
      options.megabytes = number;
    else if (name == "--threads")
      options.threads = number;
    else if (name == "--interval-ms" && number > 0)
      options.interval_ms = number;
    else
      return false;
  }
  return argc % 2 == 1 && !options.records.empty() && !options.state.empty();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(
        stderr,
        "usage: demo-workload --records FILE --state FILE [--megabytes N] [--threads N] [--interval-ms N]\n");
    return 2;
  }

  void* shared_at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared_at == MAP_FAILED) die("mmap");
  auto& shared = *new (shared_at) SharedWithChild{};
  const pid_t child = start_child(shared, options.interval_ms);  // before there are threads

  Memory memory(options.megabytes);
  Records records(options.records);
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < options.threads; ++i) {
    workers.push_back(std::make_unique<Worker>());
    std::thread(work, std::ref(*workers.back()), options.interval_ms + i).detach();
  }
  std::atomic<std::uint64_t> input_lines{0};
  std::thread(count_input, std::ref(input_lines)).detach();
  start_timer(options.interval_ms);

  for (std::uint64_t counter = 1;; ++counter) {
    memory.step();
    records.step();
    char line[1024];
    const int length = std::snprintf(
        line, sizeof line,
        "{\"counter\":%llu,\"pid\":%d,\"sid\":%d,\"child\":%d,\"child_progress\":%llu,\"tids\":%s,"
        "\"progress\":%s,"
        "\"timer_ticks\":%llu,\"memory_intact\":%s,\"memory_checksum\":\"%016llx\",\"memory_slices\":%zu,"
        "\"slices_verified\":%llu,\"file_offset\":%lld,\"records_read\":%llu,\"records_intact\":%s,\"input_"
        "lines\":%llu}\n",
        static_cast<unsigned long long>(counter), getpid(), getsid(0), child,
        static_cast<unsigned long long>(shared.progress.load()),
        array_of(workers, [](const Worker& w) { return w.tid.load(); }).c_str(),
        array_of(workers, [](const Worker& w) { return w.progress.load(); }).c_str(),
        static_cast<unsigned long long>(timer_ticks.load()), memory.intact() ? "true" : "false",
        static_cast<unsigned long long>(memory.checksum()), memory.slices(),
        static_cast<unsigned long long>(memory.verified()), static_cast<long long>(records.offset()),
        static_cast<unsigned long long>(records.read_so_far()), records.intact() ? "true" : "false",
        static_cast<unsigned long long>(input_lines.load()));
    if (length <= 0 || static_cast<std::size_t>(length) >= sizeof line) return 3;
    publish(options.state, std::string(line, static_cast<std::size_t>(length)));
    if (write(1, line, static_cast<std::size_t>(length)) != length) die("standard output");
    pause_ms(options.interval_ms);
  }
}
