#include "criu_at_hand.h"

#include <fmt/format.h>

#include "base/process.h"
#include "criu/binary.h"
#include "criu/log/knowledge.h"
#include "criu/log/log_file.h"
#include "explain/answer.h"

namespace cg::checkpoint {

Result<CriuAtHand> find_criu(const std::string& given) {
  const auto path = find_program(given.empty() ? "criu" : given);
  if (!path)
    return cannot(given.empty() ? std::string("no criu is on PATH; name one with --criu")
                                : fmt::format("--criu {}: no such program", given));
  const std::string whole = std::filesystem::absolute(*path).string();
  CG_TRY(version, ask_version(run_criu(whole), whole));
  return CriuAtHand{whole, version};
}

Result<Subject> explain_failure(const GuardedEnd& end, const std::filesystem::path& directory,
                                const std::string& log, const Version& version) {
  CG_TRY(knowledge, builtin_knowledge());
  Scene scene;
  const auto path = directory / log;
  if (auto read = load_criu_log(path); read && !read->empty()) {
    scene.log = std::move(*read);
    scene.log_name = path.string();
  } else if (auto printed = load_criu_log(directory / "criu.out"); printed && !printed->empty()) {
    scene.log = std::move(*printed);  // it came not so far as to write one
    scene.log_name = (directory / "criu.out").string();
  }
  scene.process = end.seen;
  if (end.how != GuardedEnd::How::ended)
    if (auto images = look_at_images(directory)) scene.images = std::move(*images);
  return answer(scene, knowledge, version);
}

std::map<std::string, std::string> variables_of(const std::vector<std::string>& words) {
  std::map<std::string, std::string> variables;
  for (const auto& word : words)
    if (const auto equals = word.find('='); equals != std::string::npos)
      variables[word.substr(0, equals)] = word.substr(equals + 1);
  return variables;
}

}  // namespace cg::checkpoint
