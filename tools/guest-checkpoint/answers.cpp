#include "answers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/text.h"

namespace cg::checkpoint {
namespace {

constexpr std::string_view open_question = "fd[N]:";
constexpr std::string_view source_question = ":SOURCE";

}  // namespace

Result<std::map<std::string, std::string>> parse_maps(const std::vector<std::string>& words) {
  std::map<std::string, std::string> maps;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == word.size())
      return usage_error(
          fmt::format("--map {}: must be KEY=PATH, as in --map 'pipe:[4711]=/dev/null' or "
                      "--map /data=/srv/data",
                      word));
    maps[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return maps;
}

Result<Answered> answer_questions(const Record& record, const std::map<std::string, std::string>& maps,
                                  const std::string& root) {
  Answered answered;
  std::set<std::string> used;
  for (auto word : record.restore) {
    if (word.starts_with(open_question)) {
      const std::string key = word.substr(open_question.size());
      if (const auto given = maps.find(key); given != maps.end()) {
        answered.open[key] = given->second;
        used.insert(key);
      } else if (const auto fd = record.descriptors.find(key);
                 fd != record.descriptors.end() && fd->second <= 2) {
        answered.open[key] = std::to_string(fd->second);
      } else {
        return refused(fmt::format(
            "the tasks had {} from outside: say what they get in its place with --map '{}=PATH'", key, key));
      }
      word = fmt::format("fd[{}]:{}", 0, key);
    } else if (word.starts_with("mnt[") && word.contains("]:")) {
      // mnt[KEY]:SOURCE
      const std::string key = word.substr(4, word.find("]:") - 4);
      if (const auto given = maps.find(key); given != maps.end()) {
        word = fmt::format("mnt[{}]:{}", key, given->second);
        used.insert(key);
      } else if (word.ends_with(source_question)) {
        return refused(fmt::format(
            "the mount {} came from outside: say what is to be bound there with --map '{}=PATH'", key, key));
      }
    } else if (word == "ROOTFS" && root.empty()) {
      return refused(
          "the tasks have a root directory of their own that could not be seen when they were dumped: give "
          "it with --root DIR");
    }
    answered.options.push_back(std::move(word));
  }
  for (const auto& [key, path] : maps)
    if (!used.contains(key)) {
      std::vector<std::string> known;
      for (const auto& [name, fd] : record.descriptors) known.push_back(name);
      return usage_error(
          fmt::format("--map {}: nothing of that name is asked for{}", key, did_you_mean(key, known)));
    }
  if (!root.empty()) {
    const auto at = std::ranges::find(answered.options, "--root");
    if (at == answered.options.end() || at + 1 == answered.options.end())
      answered.options.insert(answered.options.end(), {"--root", root});
    else
      *(at + 1) = root;
  }
  return answered;
}

int access_of(const Checkpoint& images, const std::string& key) {
  bool reads = false, writes = false;
  for (const auto& [id, file] : images.files) {
    if (file.kind != FileKind::pipe || fmt::format("pipe:[{}]", file.object) != key) continue;
    reads = reads || (file.flags & O_ACCMODE) != O_WRONLY;
    writes = writes || (file.flags & O_ACCMODE) != O_RDONLY;
  }
  return reads == writes ? O_RDWR : writes ? O_WRONLY : O_RDONLY;
}

Result<UniqueFd> open_in_place_of(const std::string& path, int access, const std::string& key) {
  constexpr int always = O_CLOEXEC | O_NOCTTY;
  const auto failed = [&] { return cannot_errno(fmt::format("{} for {}", path, key), errno); };
  struct stat status {};
  const bool exists = stat(path.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) return failed();
  if (exists && S_ISFIFO(status.st_mode)) {
    // Either end alone would wait here for the other one.
    const UniqueFd both(open(path.c_str(), O_RDWR | always));
    if (!both) return failed();
    UniqueFd end(open(fmt::format("/proc/self/fd/{}", both.get()).c_str(), access | always));
    if (!end) return failed();
    return end;
  }
  const int writing = access == O_WRONLY ? O_APPEND | O_CREAT : 0;
  UniqueFd file(open(path.c_str(), access | writing | always, 0644));
  if (!file && access == O_RDWR) file.reset(open(path.c_str(), O_RDONLY | always));
  if (!file) return failed();
  return file;
}

}  // namespace cg::checkpoint
