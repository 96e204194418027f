#include "image_arguments.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "base/text.h"

namespace cg {

void add_image_arguments(CLI::App& command, ImageArguments& arguments) {
  command.add_option("--size", arguments.size, "auto (what it needs), auto+64M (and so much free), or 512M")->capture_default_str();
  command.add_option("--label", arguments.label, "Volume name, up to 16 bytes");
  command.add_option("--uuid", arguments.uuid, "File-system UUID (default: derived from the content)");
  command.add_option("--journal", arguments.journal, "auto (by size), none, or a size such as 4M")->capture_default_str();
}

Result<image::ImageOptions> ImageArguments::resolve(const Environment& env) const {
  image::ImageOptions options{.label = label};
  CG_TRY(policy, image::parse_size_policy(size));
  options.size = policy;
  if (!uuid.empty()) {
    CG_TRY(parsed, image::parse_uuid(uuid));
    options.uuid = parsed;
  }
  if (journal == "none") {
    options.journal_bytes = 0;
  } else if (journal != "auto") {
    CG_TRY(bytes, image::parse_size(journal));
    options.journal_bytes = bytes;
  }
  CG_TRY(epoch, source_date_epoch(env));
  options.source_date_epoch = epoch;
  return options;
}

void print_summary(const image::ImageSummary& summary, double seconds, Context& context) {
  const std::string& output = context.options.output;
  if (context.options.format == "json") {
    const nlohmann::ordered_json json = {{"schema", "criu-guest/image-summary"}, {"version", 1}, {"image", output},
                                         {"bytes", summary.bytes}, {"blocks", summary.blocks}, {"free_blocks", summary.free_blocks},
                                         {"inodes", summary.inodes}, {"used_inodes", summary.used_inodes}, {"files", summary.files},
                                         {"directories", summary.directories}, {"data_bytes", summary.data_bytes}, {"uuid", summary.uuid}};
    context.env.out << json.dump(2) << "\n";
  } else if (!context.options.quiet) {
    context.env.err << fmt::format("{}: {}, {} files and {} directories with {}, {} free, in {}\n", output, human_size(summary.bytes),
                                   summary.files, summary.directories, human_size(summary.data_bytes),
                                   human_size(summary.free_blocks * image::block_size), human_seconds(seconds));
  }
}

}  // namespace cg
