// What guest-init needs of the system: small files, mounts, messages on the console, and its configuration.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cg::guest {

// guest-run writes /.guest-run/config into the initramfs: lines "key=value".
//   root      none | initrd | disk       what the root of the guest is
//   init      auto | image | none | PATH
//   device    auto | a device of /dev    (root=disk)
//   readonly  0 | 1
//   ready     auto | none | PATH         when commands may run
//   seconds   how long to wait for that; 0: the default of what is waited for
using Config = std::map<std::string, std::string>;

inline constexpr char own_directory[] = "/.guest-run";

std::string read_small_file(const std::string& path);  // empty when unreadable; at most 64 KiB
bool write_small_file(const std::string& path, std::string_view text);
bool exists(const std::string& path);
std::vector<std::string> list_directory(const std::string& path);  // sorted names
std::vector<std::string> split_words(std::string_view text, char separator);
std::string trimmed(std::string_view text);
std::string error_text(const std::string& what, int error);  // "what: strerror"
// Creates the missing directories above `path`; false with errno.
bool make_parents(const std::string& path);

Config read_config(const std::string& path);
std::string value_of(const Config& config, const std::string& key, const std::string& fallback);
// The last KEY= of the kernel's command line; empty when absent. Needs /proc.
std::string kernel_argument(const std::string& key);

// Makes the directory and mounts; false with errno. An already mounted place is good.
bool mount_at(const char* type, const std::string& where, unsigned long flags = 0,
              const char* data = nullptr);

double seconds_now();  // monotonic
void pause_briefly();  // 10 ms, between two looks at something that cannot be waited for

// A line on the console that guest-run recognises, for when there is no port to speak through.
void say_on_console(const std::string& text);
[[noreturn]] void power_off_now();

}  // namespace cg::guest
