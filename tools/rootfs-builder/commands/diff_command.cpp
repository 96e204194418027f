// diff: where two images differ.
#include <fcntl.h>
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "base/cli/watch.h"
#include "base/file.h"
#include "base/shown.h"
#include "commands/commands.h"
#include "image/compare.h"

namespace cg {
namespace {

struct DiffArguments {
  std::string first;
  std::string second;
  std::optional<unsigned> partition;
  bool files = false;
  std::size_t most = 20;
};

// What one of the two is no ext4 image has no structures that are known here.
Result<std::vector<image::Difference>> compare_as_files(const DiffArguments& arguments, std::size_t most) {
  image::Differences differences(most);
  const UniqueFd first(open(arguments.first.c_str(), O_RDONLY | O_CLOEXEC));
  if (!first) return cannot_errno(arguments.first, errno);
  const UniqueFd second(open(arguments.second.c_str(), O_RDONLY | O_CLOEXEC));
  if (!second) return cannot_errno(arguments.second, errno);
  CG_TRY(one, image::FileDevice::of(first.get(), arguments.first));
  CG_TRY(other, image::FileDevice::of(second.get(), arguments.second));
  differences.compare("file", "bytes", one.size(), other.size());
  const auto kind = [](image::Device& disk) -> std::string {
    const auto layout = image::read_layout(disk);
    if (!layout) return "damaged partition table";
    return std::string(layout->partitions.empty() ? to_string(layout->content) : to_string(layout->scheme));
  };
  differences.compare("file", "content", kind(one), kind(other));
  CG_CHECK(image::compare_bytes(one, other, nullptr, differences));
  return differences.found();
}

Result<std::vector<image::Difference>> compare(const DiffArguments& arguments, Context& context) {
  // One more than is shown says whether there are more.
  const std::size_t most = arguments.most == 0 ? SIZE_MAX : arguments.most + 1;
  auto first = image::ImageReader::open(arguments.first, arguments.partition);
  auto second = image::ImageReader::open(arguments.second, arguments.partition);
  for (const auto* reader : {&first, &second})
    if (!*reader && (reader->error().kind != ErrorKind::refused || arguments.files || arguments.partition))
      return std::unexpected(reader->error());
  for (const auto* reader : {&first, &second})
    if (*reader && !(*reader)->remark().empty()) context.env.err << (*reader)->remark() << "\n";
  if (!first || !second) return compare_as_files(arguments, most);
  return image::compare_images(
      *first, *second, arguments.files ? image::CompareScope::files : image::CompareScope::everything, most);
}

std::string line_of(const DiffArguments& arguments, const image::Difference& difference) {
  if (difference.what == "exists")
    return fmt::format("{}: only in {}\n", shown(difference.where),
                       difference.first.empty() ? arguments.second : arguments.first);
  const auto value = [](const std::string& text) { return text.empty() ? "(none)" : shown(text); };
  return fmt::format("{}: {}: {} -> {}\n", shown(difference.where), shown(difference.what),
                     value(difference.first), value(difference.second));
}

Result<int> diff(const DiffArguments& arguments, Context& context) {
  std::optional<Watch> watch(std::in_place, "comparing", context);
  CG_TRY(differences, compare(arguments, context));
  watch.reset();
  const bool more = arguments.most != 0 && differences.size() > arguments.most;
  if (more) differences.pop_back();
  if (context.options.format == "json") {
    nlohmann::ordered_json json = {{"schema", "criu-guest.image-diff/1"},
                                   {"first", arguments.first},
                                   {"second", arguments.second},
                                   {"equal", differences.empty()},
                                   {"complete", !more}};
    json["differences"] = nlohmann::ordered_json::array();
    for (const auto& difference : differences)
      json["differences"].push_back({{"where", difference.where},
                                     {"what", difference.what},
                                     {"first", difference.first},
                                     {"second", difference.second}});
    context.env.out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    for (const auto& difference : differences) context.env.out << line_of(arguments, difference);
    if (more && !context.options.quiet) context.env.err << "there are more; --most 0 shows all\n";
  }
  return differences.empty() ? exit_good : exit_no;
}

}  // namespace

Command diff_command() {
  auto arguments = std::make_shared<DiffArguments>();
  return {
      .name = "diff",
      .help =
          "Name what differs between two images: partitions, superblock, groups, files; 0: nothing, 1: "
          "something",
      .options = {{"FIRST", &arguments->first, "An image", {.required = true}},
                  {"SECOND", &arguments->second, "Another", {.required = true}},
                  {"--files", &arguments->files,
                   "Only what a guest sees: paths, owners, modes, times, attributes, contents"},
                  {"--most", &arguments->most, "How many differences are shown; 0: all"},
                  {"--partition", &arguments->partition, "Of both, where more than one holds a file system"}},
      .examples = {{"rootfs-builder diff old.img new.img --files", ""}},
      .run = [arguments](Context& context) { return diff(*arguments, context); }};
}

}  // namespace cg
