#include "system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace cg::guest {

std::string read_small_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string text;
  char buffer[4096];
  ssize_t got;
  while (text.size() < 65536 && (got = read(fd, buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(got));
  close(fd);
  return text;
}

bool write_small_file(const std::string& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  const bool good = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return good;
}

bool exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = opendir(path.c_str());
  if (!directory) return names;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> split_words(std::string_view text, char separator) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  return std::string(text);
}

std::string error_text(const std::string& what, int error) {
  return what + ": " + std::strerror(error);
}

bool make_parents(const std::string& path) {
  for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    if (mkdir(path.substr(0, slash).c_str(), 0755) != 0 && errno != EEXIST) return false;
  }
  return true;
}

Config read_config(const std::string& path) {
  Config config;
  for (const auto& line : split_words(read_small_file(path), '\n')) {
    const auto equals = line.find('=');
    if (equals != std::string::npos) config[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return config;
}

std::string value_of(const Config& config, const std::string& key, const std::string& fallback) {
  const auto found = config.find(key);
  return found == config.end() || found->second.empty() ? fallback : found->second;
}

std::string kernel_argument(const std::string& key) {
  std::string value;
  for (const auto& word : split_words(trimmed(read_small_file("/proc/cmdline")), ' '))
    if (word.compare(0, key.size() + 1, key + "=") == 0) value = word.substr(key.size() + 1);
  return value;
}

bool mount_at(const char* type, const std::string& where, unsigned long flags, const char* data) {
  if (!make_parents(where + "/")) return false;
  return mount(type, where.c_str(), type, flags, data) == 0 || errno == EBUSY;
}

double seconds_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void pause_briefly() {
  const timespec duration{0, 10'000'000};
  nanosleep(&duration, nullptr);
}

void say_on_console(const std::string& text) {
  const std::string line = "\nguest-run: " + text + "\n";
  (void)!write(STDERR_FILENO, line.data(), line.size());
}

void power_off_now() {
  sync();
  reboot(RB_POWER_OFF);
  // A machine that cannot be switched off can still be reset: guest-run starts QEMU with -no-reboot.
  reboot(RB_AUTOBOOT);
  for (;;) pause();
}

}  // namespace cg::guest
