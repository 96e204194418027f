#include "fault/faults.h"

#include <execinfo.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace cg::faults {
namespace {

std::atomic<bool> armed{false};
std::atomic<std::size_t> calls{0};
What wish = What::count;
std::size_t wished = 0;
int wished_error = 0;
Calls wished_kind = Calls::changes;

// 0: go on; 1: fail with wished_error; 2: do half of it and die.
int verdict(Calls kind) {
  if (!armed || kind != wished_kind) return 0;
  const std::size_t number = ++calls;
  switch (wish) {
    case What::count:
      return 0;
    case What::fail_once:
      return number == wished;
    case What::fail_on:
      return number >= wished;
    case What::kill:
      return number == wished ? 2 : 0;
  }
  return 0;
}

[[noreturn]] void die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

template <class Call, class Half>
auto through(Call call, Half half, Calls kind = Calls::changes) -> decltype(call()) {
  switch (verdict(kind)) {
    case 1:
      errno = wished_error;
      return -1;
    case 2:
      half();
      die();
    default:
      return call();
  }
}
template <class Call>
auto through(Call call) -> decltype(call()) {
  return through(call, [] {});
}

std::atomic<bool> allocation_armed{false};
std::atomic<std::size_t> allocations{0};
std::size_t failing_allocation = 0;
thread_local bool inside = false;
constexpr std::size_t most_places = 20000;
struct PlaceSeen {
  std::uint64_t key;
  std::size_t number;
};
PlaceSeen places[most_places];
std::size_t place_count = 0;

void remember(std::size_t number) {
  void* frames[14];
  const int depth = backtrace(frames, 14);
  std::uint64_t key = 1469598103934665603ULL;
  for (int i = 2; i < depth; ++i)
    key = (key ^ reinterpret_cast<std::uintptr_t>(frames[i])) * 1099511628211ULL;
  for (std::size_t i = 0; i < place_count; ++i)
    if (places[i].key == key) return;
  if (place_count < most_places) places[place_count++] = {key, number};
}

// Whether this allocation fails.
bool allocation_fails() {
  if (!allocation_armed || inside) return false;
  const std::size_t number = ++allocations;
  if (failing_allocation != 0) return number == failing_allocation;
  inside = true;
  remember(number);
  inside = false;
  return false;
}

}  // namespace

void arm(What what, std::size_t n, int error, Calls kind) {
  wished_kind = kind;
  wish = what;
  wished = n;
  wished_error = error;
  calls = 0;
  armed = true;
}

std::size_t disarm() {
  armed = false;
  return calls;
}

void arm_allocation(std::size_t n) {
  void* frames[2];
  (void)backtrace(frames, 2);  // loads what it needs now
  failing_allocation = n;
  allocations = 0;
  if (n == 0) place_count = 0;
  allocation_armed = true;
}

void disarm_allocation() {
  allocation_armed = false;
}

std::size_t allocation_places(std::size_t* numbers, std::size_t most) {
  const std::size_t count = place_count < most ? place_count : most;
  for (std::size_t i = 0; i < count; ++i) numbers[i] = places[i].number;
  return count;
}

}  // namespace cg::faults

using cg::faults::through;

// The C library's own, and what glibc calls the same with 64-bit offsets.
extern "C" {

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t at) {
  return through([&] { return static_cast<ssize_t>(syscall(SYS_pwrite64, fd, bytes, count, at)); },
                 [&] { (void)syscall(SYS_pwrite64, fd, bytes, count / 2, at); });
}
ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t at) {
  return pwrite(fd, bytes, count, at);
}
ssize_t pread(int fd, void* bytes, size_t count, off_t at) {
  return through([&] { return static_cast<ssize_t>(syscall(SYS_pread64, fd, bytes, count, at)); }, [] {},
                 cg::faults::Calls::reads);
}
ssize_t pread64(int fd, void* bytes, size_t count, off64_t at) {
  return pread(fd, bytes, count, at);
}
ssize_t read(int fd, void* bytes, size_t count) {
  return through([&] { return static_cast<ssize_t>(syscall(SYS_read, fd, bytes, count)); }, [] {},
                 cg::faults::Calls::reads);
}
ssize_t write(int fd, const void* bytes, size_t count) {
  return through([&] { return static_cast<ssize_t>(syscall(SYS_write, fd, bytes, count)); },
                 [&] { (void)syscall(SYS_write, fd, bytes, count / 2); });
}
ssize_t copy_file_range(int in, off64_t* in_at, int out, off64_t* out_at, size_t count, unsigned flags) {
  return through(
      [&] {
        return static_cast<ssize_t>(syscall(SYS_copy_file_range, in, in_at, out, out_at, count, flags));
      },
      [&] { (void)syscall(SYS_copy_file_range, in, in_at, out, out_at, count / 2, flags); });
}
int fsync(int fd) {
  return through([&] { return static_cast<int>(syscall(SYS_fsync, fd)); });
}
int fdatasync(int fd) {
  return through([&] { return static_cast<int>(syscall(SYS_fdatasync, fd)); });
}
int rename(const char* from, const char* to) noexcept {
  return through([&] { return static_cast<int>(syscall(SYS_rename, from, to)); });
}
int unlink(const char* path) noexcept {
  return through([&] { return static_cast<int>(syscall(SYS_unlink, path)); });
}
int ftruncate(int fd, off_t size) noexcept {
  return through([&] { return static_cast<int>(syscall(SYS_ftruncate, fd, size)); });
}
int ftruncate64(int fd, off64_t size) noexcept {
  return ftruncate(fd, size);
}
int fallocate(int fd, int mode, off_t at, off_t count) {
  return through([&] { return static_cast<int>(syscall(SYS_fallocate, fd, mode, at, count)); });
}
int fallocate64(int fd, int mode, off64_t at, off64_t count) {
  return fallocate(fd, mode, at, count);
}

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* malloc(size_t size) noexcept {
  if (!cg::faults::allocation_fails()) return __libc_malloc(size);
  errno = ENOMEM;
  return nullptr;
}
void* calloc(size_t count, size_t size) noexcept {
  if (!cg::faults::allocation_fails()) return __libc_calloc(count, size);
  errno = ENOMEM;
  return nullptr;
}
void* realloc(void* old, size_t size) noexcept {
  if (!cg::faults::allocation_fails()) return __libc_realloc(old, size);
  errno = ENOMEM;
  return nullptr;
}
}
