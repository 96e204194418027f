#include "change.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "task_parts.h"

namespace cg::lab {
namespace {

namespace fs = std::filesystem;

// What undo_changes() takes back, the last first.
std::vector<std::function<void()>>& undoing() {
  static std::vector<std::function<void()>> deeds;
  return deeds;
}
void unmounted_later(const std::string& directory) {
  undoing().emplace_back([directory] { umount2(directory.c_str(), MNT_DETACH); });
}

struct Change {
  const fs::path& images;
  Running& running;
  std::vector<std::string> words;  // behind the change's name
  fs::path file() const { return words.at(0); }
  const std::string& word(std::size_t at) const { return words.at(at); }
};

Result<void> done(bool good, const std::string& what) {
  if (good) return {};
  return cannot_errno(what, errno);
}

Result<void> rewritten(const fs::path& file, const std::function<void(std::string&)>& edit) {
  CG_TRY(bytes, read_file(file));
  struct stat info {};
  CG_CHECK(done(stat(file.c_str(), &info) == 0, file.string()));
  edit(bytes);
  // Another file under its name: what is mapped stays what it was.
  return write_file_atomically(file, bytes, info.st_mode & 07777U);
}

Result<void> each_below(const fs::path& beginning,
                        const std::function<Result<void>(const fs::path&)>& change) {
  std::size_t count = 0;
  std::vector<fs::path> all;
  for (const auto& entry : fs::directory_iterator(beginning.parent_path())) all.push_back(entry.path());
  for (const auto& path : all) {
    if (!path.filename().string().starts_with(beginning.filename().string())) continue;
    ++count;
    CG_CHECK(change(path));
  }
  if (count == 0) return cannot(beginning.string() + ": nothing begins so");
  return {};
}

Result<void> take_pid(const Change& change) {
  const int wanted = change.running.pid + (change.words.empty() ? 0 : std::stoi(change.word(0)));
  // The next one that is forked gets the number behind this.
  CG_TRY(last, [&]() -> Result<bool> {
    std::ofstream file("/proc/sys/kernel/ns_last_pid");
    file << wanted - 1;
    return static_cast<bool>(file.flush());
  }());
  if (!last) return cannot("ns_last_pid cannot be written");
  const pid_t child = fork();
  if (child == 0) wait_forever();
  change.running.companion = child;
  if (child != wanted) return cannot(fmt::format("pid {} instead of {}", child, wanted));
  return {};
}

Result<void> hold_port(const Change& change, int type) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  const auto address = loopback(static_cast<std::uint16_t>(std::stoi(change.words.at(0))));
  CG_CHECK(done(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind"));
  if (type == SOCK_STREAM) CG_CHECK(done(listen(fd, 1) == 0, "listen"));
  change.running.held.emplace_back(fd);
  return {};
}

// By a process of its own: a lock of this one would go with the first of its descriptors that is closed.
Result<void> lock_by_another(const Change& change) {
  const std::string path = change.file();
  std::array<int, 2> report{};
  CG_CHECK(done(pipe2(report.data(), O_CLOEXEC) == 0, "pipe"));
  const pid_t child = fork();
  if (child == 0) {
    const int fd = open(path.c_str(), O_RDWR);
    struct flock all {};
    all.l_type = F_WRLCK;
    const bool held = change.word(1) == "flock" ? flock(fd, LOCK_EX | LOCK_NB) == 0
                      : change.word(1) == "ofd" ? fcntl(fd, F_OFD_SETLK, &all) == 0
                                                : fcntl(fd, F_SETLK, &all) == 0;
    if (held) must(write(report[1], "1", 1) == 1, "write");
    wait_forever();
  }
  close(report[1]);
  change.running.companion = child;
  char told = 0;
  const bool held = read(report[0], &told, 1) == 1;
  close(report[0]);
  return held ? Result<void>() : cannot(path + " could not be locked");
}

Result<void> take_terminal(const Change& change) {
  // The lowest free number is handed out, and that of the task is free now.
  for (int count = 0; count < 3; ++count) {
    CG_TRY(name, new_terminal(change.running));
    (void)name;
  }
  return {};
}

Result<void> set_number(const std::string& name, const std::string& value) {
  const fs::path file = fs::path("/proc/sys") / name;
  CG_TRY(before, read_file(file, 4096));
  const auto write_it = [file](const std::string& text) {
    std::ofstream out(file);
    out << text;
    return static_cast<bool>(out.flush());
  };
  if (!write_it(value)) return cannot(file.string() + " cannot be written");
  undoing().emplace_back([write_it, before] { write_it(before); });
  return {};
}

Result<void> take_address() {
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, lab_alias);
  return done(ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0, lab_alias);
}

using Deed = std::function<Result<void>(const Change&)>;
const std::map<std::string, Deed>& deeds() {
  static const std::map<std::string, Deed> table = {
      {"nothing", [](const Change&) -> Result<void> { return {}; }},
      {"remove",
       [](const Change& change) { return done(fs::remove_all(change.file()) > 0, change.file().string()); }},
      {"remove-all",
       [](const Change& change) {
         return each_below(change.file(),
                           [](const fs::path& path) { return done(fs::remove(path), path.string()); });
       }},
      {"grow",
       [](const Change& change) {
         return rewritten(change.file(), [](std::string& bytes) { bytes += 'y'; });
       }},
      {"rewrite",
       [](const Change& change) {
         return rewritten(change.file(), [](std::string& bytes) { bytes.assign(bytes.size(), 'z'); });
       }},
      {"shrink",
       [](const Change& change) {
         return rewritten(change.file(), [](std::string& bytes) { bytes.resize(bytes.size() / 2); });
       }},
      {"touch",
       [](const Change& change) {
         fs::last_write_time(change.file(), fs::file_time_type::clock::now() - std::chrono::hours(100));
         return Result<void>();
       }},
      {"owner",
       [](const Change& change) {
         return done(chown(change.file().c_str(), static_cast<uid_t>(std::stoi(change.word(1))), 0) == 0,
                     change.file().string());
       }},
      {"lock", lock_by_another},
      {"mode",
       [](const Change& change) {
         return done(chmod(change.file().c_str(),
                           static_cast<mode_t>(std::stoul(change.words.at(1), nullptr, 8))) == 0,
                     change.file().string());
       }},
      {"directory",
       [](const Change& change) {
         fs::remove(change.file());
         return done(mkdir(change.file().c_str(), 0755) == 0, change.file().string());
       }},
      {"plain",
       [](const Change& change) {
         fs::remove_all(change.file());
         return write_file_atomically(change.file(), "");
       }},
      {"fifo",
       [](const Change& change) {
         fs::remove(change.file());
         return done(mkfifo(change.file().c_str(), 0644) == 0, change.file().string());
       }},
      {"link",
       [](const Change& change) {
         const fs::path moved = change.file().string() + "-moved";
         fs::rename(change.file(), moved);
         return done(symlink(moved.c_str(), change.file().c_str()) == 0, moved.string());
       }},
      {"other-build",
       [](const Change& change) -> Result<void> {
         bool found = false;
         CG_CHECK(rewritten(change.file(), [&](std::string& bytes) {
           // Behind the head of the note: 20 bytes, type 3, "GNU".
           const auto at = bytes.find(std::string("\x14\0\0\0\3\0\0\0GNU\0", 12));
           found = at != std::string::npos;
           if (found) bytes[at + 12] = static_cast<char>(bytes[at + 12] ^ 1);
         }));
         if (!found) return cannot(change.file().string() + ": it has no build-id");
         return {};
       }},
      {"read-only",
       [](const Change& change) {
         const std::string directory = change.file();
         unmounted_later(directory);
         return done(
             mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
                 mount(nullptr, directory.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0,
             directory);
       }},
      {"room",
       [](const Change& change) {
         const std::string directory = change.file();
         unmounted_later(directory);
         return done(mount("lab", directory.c_str(), "tmpfs", 0, ("size=" + change.word(1)).c_str()) == 0,
                     directory);
       }},
      {"take-pid", take_pid},
      {"take-terminal", take_terminal},
      {"no-address", [](const Change&) { return take_address(); }},
      {"sysctl", [](const Change& change) { return set_number(change.word(0), change.word(1)); }},
      {"abstract",
       [](const Change& change) -> Result<void> {
         const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
         bind_to_abstract(fd, change.word(0));
         CG_CHECK(done(listen(fd, 1) == 0, "listen"));
         change.running.held.emplace_back(fd);
         return {};
       }},
      {"listen", [](const Change& change) { return hold_port(change, SOCK_STREAM); }},
      {"udp", [](const Change& change) { return hold_port(change, SOCK_DGRAM); }},
      {"drop-image",
       [](const Change& change) {
         return each_below(change.images / change.words.at(0),
                           [](const fs::path& path) { return done(fs::remove(path), path.string()); });
       }},
      {"cut-image",
       [](const Change& change) {
         return each_below(change.images / change.words.at(0), [](const fs::path& path) {
           fs::resize_file(path, fs::file_size(path) - 3);
           return Result<void>();
         });
       }},
      {"garble-image",
       [](const Change& change) {
         return each_below(change.images / change.words.at(0), [](const fs::path& path) {
           return rewritten(path, [](std::string& bytes) {
             for (std::size_t at = 0; at < std::min<std::size_t>(8, bytes.size()); ++at)
               bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
           });
         });
       }},
  };
  return table;
}

}  // namespace

std::vector<std::string> known_changes() {
  std::vector<std::string> names;
  for (const auto& [name, deed] : deeds()) names.push_back(name);
  return names;
}

Result<void> change_world(const std::string& text, const fs::path& images, Running& running) {
  auto words = split(text, ' ');
  const std::string name = words.front();
  words.erase(words.begin());
  for (std::string& word : words) {
    const fs::path root = running.record.parent_path();
    if (word.starts_with("ROOT")) word.replace(0, 4, root.string());
    if (word.starts_with("WORK")) word.replace(0, 4, root.parent_path().string());
  }
  const auto deed = deeds().find(name);
  if (deed == deeds().end())
    return usage_error(fmt::format("no change '{}'{}", name, did_you_mean(name, known_changes())));
  return deed->second({images, running, std::move(words)});
}

void undo_changes() {
  for (; !undoing().empty(); undoing().pop_back()) undoing().back()();
}

}  // namespace cg::lab
