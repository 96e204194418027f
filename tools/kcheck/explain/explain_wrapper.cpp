#include "explain/explain_wrapper.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "criu/log/log_file.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

// The word behind the mark, without what a sentence or a quotation puts around it.
std::string path_after(std::string_view line, std::string_view mark) {
  const auto at = line.find(mark);
  if (at == line.npos) return {};
  std::string_view rest = line.substr(at + mark.size());
  rest = rest.substr(0, rest.find_first_of(" \t\"'`,;)\\"));
  while (rest.ends_with('.') || rest.ends_with(':')) rest.remove_suffix(1);
  return std::string(rest);
}

template <typename Lines>
std::string first_path(const Lines& lines, std::initializer_list<const char*> marks) {
  for (const auto& line : lines)
    for (const char* mark : marks)
      if (auto path = path_after(line.text, mark); !path.empty()) return path;
  return {};
}

// Where the named file may be: as it is named, below the wrapper's work directory, beside the wrapper's own
// log.
std::vector<fs::path> places_of(const Scene& scene, const fs::path& named) {
  std::vector<fs::path> places = {named};
  const auto work =
      first_path(scene.log->head, {"--work-path ", "--work-path=", "--work-dir ", "--work-dir="});
  if (!work.empty()) places.push_back(fs::path(work) / named.filename());
  const fs::path beside = fs::path(scene.log_name).parent_path();
  places.push_back(beside / named);
  places.push_back(beside / named.filename());
  return places;
}

}  // namespace

std::string named_log(const CriuLog& log) {
  const auto marks = {"log file: ",   "logfile: ",      "CRIU logfile ", "CRIU log file ", "criu log file ",
                      "log file at ", "log file (see ", "(see log in ",  "check log in ",  "logfile ", "path= "};
  auto path = first_path(log.head, marks);
  return path.empty() ? first_path(log.tail, marks) : path;
}

void follow_wrapper(Scene& scene) {
  if (!scene.log || scene.log->error_count > 0) return;
  const std::string named = named_log(*scene.log);
  if (named.empty()) return;
  std::error_code none;
  for (const auto& place : places_of(scene, named)) {
    if (!fs::is_regular_file(place, none) || fs::equivalent(place, scene.log_name, none)) continue;
    auto log = load_criu_log(place);
    if (!log) continue;
    scene.named_by = scene.log_name;
    scene.log = std::move(*log);
    scene.log_name = place.string();
    return;
  }
  scene.named_log = named;
}

}  // namespace cg
