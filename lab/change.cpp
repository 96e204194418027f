#include "change.h"

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "task_parts.h"

namespace cg::lab {
namespace {

namespace fs = std::filesystem;

// Not below what is made so.
constexpr const char* made_read_only = "/run/lab-read-only";

struct Change {
  const fs::path& images;
  Running& running;
  std::vector<std::string> words;  // behind the change's name
  fs::path file() const { return words.at(0); }
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
  // The next one that is forked gets the number behind this.
  CG_TRY(last, [&]() -> Result<bool> {
    std::ofstream file("/proc/sys/kernel/ns_last_pid");
    file << change.running.pid - 1;
    return static_cast<bool>(file.flush());
  }());
  if (!last) return cannot("ns_last_pid cannot be written");
  const pid_t child = fork();
  if (child == 0) wait_forever();
  change.running.companion = child;
  if (child != change.running.pid)
    return cannot(fmt::format("pid {} instead of {}", child, change.running.pid));
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
         return done(
             mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
                 mount(nullptr, directory.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0 &&
                 (symlink(directory.c_str(), made_read_only) == 0 || errno == EEXIST),
             directory);
       }},
      {"take-pid", take_pid},
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
  const auto deed = deeds().find(name);
  if (deed == deeds().end())
    return usage_error(fmt::format("no change '{}'{}", name, did_you_mean(name, known_changes())));
  return deed->second({images, running, std::move(words)});
}

void undo_changes() {
  std::error_code error;
  const auto directory = fs::read_symlink(made_read_only, error);
  if (error) return;
  umount2(directory.c_str(), MNT_DETACH);
  fs::remove(made_read_only, error);
}

}  // namespace cg::lab
