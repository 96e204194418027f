#include "images/images_command.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/cli/cli.h"
#include "checkpoint/load.h"

namespace cg {
namespace {

using checkpoint::Checkpoint;

std::string difference_text(const Checkpoint& first, const Checkpoint& second,
                            const std::vector<ImagesDifference>& differences) {
  if (differences.empty()) return fmt::format("{} and {} hold the same\n", first.name, second.name);
  std::string text = fmt::format("- {}\n+ {}\n", first.name, second.name);
  for (const auto& one : differences) {
    text += one.what + "\n";
    if (!one.first.empty()) text += "  - " + one.first + "\n";
    if (!one.second.empty()) text += "  + " + one.second + "\n";
  }
  return text;
}

std::string difference_json(const Checkpoint& first, const Checkpoint& second,
                            const std::vector<ImagesDifference>& differences) {
  nlohmann::ordered_json document;
  document["schema"] = "criu-guest.kcheck-images/1";
  document["first"] = first.name;
  document["second"] = second.name;
  document["differences"] = nlohmann::ordered_json::array();
  for (const auto& one : differences) {
    nlohmann::ordered_json object{{"what", one.what}};
    if (!one.first.empty()) object["first"] = one.first;
    if (!one.second.empty()) object["second"] = one.second;
    document["differences"].push_back(std::move(object));
  }
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<int> show(const KcheckOptions& options, const ImagesCommand& command, Environment& env) {
  const std::string& format = options.common.format;
  if (format != "text" && format != "json") return usage_error("images writes text or json");
  CG_TRY(first, checkpoint::load(command.place));
  if (command.other.empty()) {
    const Rows rows = options.common.verbose > 0 ? Rows::all : Rows::few;
    CG_CHECK(write_output(format == "json" ? images_json(first) : images_text(first, rows),
                          options.common.output, env));
    return first.problems.empty() ? exit_good : exit_no;
  }
  CG_TRY(second, checkpoint::load(command.other));
  const auto differences = compare_images(first, second);
  CG_CHECK(write_output(format == "json" ? difference_json(first, second, differences)
                                         : difference_text(first, second, differences),
                        options.common.output, env));
  return differences.empty() && first.problems.empty() && second.problems.empty() ? exit_good : exit_no;
}

}  // namespace

Command images_command(const KcheckOptions& options) {
  const auto command = std::make_shared<ImagesCommand>();
  return {
      .name = "images",
      .help = "What a checkpoint of CRIU holds, and how two of them differ",
      .options = {{"PLACE",
                   &command->place,
                   "A directory of CRIU's images, or an archive as Podman, CRI-O and the kubelet write it",
                   {.required = true}},
                  {"OTHER", &command->other, "Another one, to compare it with"}},
      .examples = {{"kcheck images /var/lib/checkpoints/web", "processes, memory, files, sockets, mounts"},
                   {"kcheck images before.tar after.tar.zst", "status 1 where they differ"}},
      .run = [command, &options](Context& context) -> Result<int> {
        return show(options, *command, context.env);
      }};
}

}  // namespace cg
