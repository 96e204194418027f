#include "commands/image_arguments.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/cli/describe.h"
#include "base/file.h"
#include "base/text.h"
#include "image/bytes/block.h"
#include "image/formats.h"

namespace cg {

std::vector<Option> image_options(ImageArguments& arguments, std::vector<Option> own) {
  own.insert(
      own.end(),
      {{"--size SIZE", &arguments.size, "auto (what it needs), auto+64M (and so much free), or 512M"},
       {"--label", &arguments.label, "Volume name, up to 16 bytes"},
       {"--uuid UUID", &arguments.uuid, "File-system UUID (default: derived from the content)"},
       {"--journal SIZE", &arguments.journal, "auto (by size), none, or a size such as 4M"},
       {"--inodes N", &arguments.inodes, "How many files there may be (default: some more than there are)"},
       {"--inode-ratio BYTES",
        &arguments.inode_ratio,
        "One inode for so many bytes of the file system, 1K to 64M",
        {.excludes = "--inodes"}},
       {"--form FORM",
        &arguments.form,
        "ext4 (bare), kata, kata-dax, gpt, initrd, erofs (bare) or kata-erofs (extension image)",
        {.known = known_names(image::form_names())}},
       {"--compress NAME",
        &arguments.compression,
        "Of an initrd: gzip (default), zstd, xz, lzma or none; of EROFS: lz4hc (default), lz4 or none",
        {.known = known_names({"gzip", "zstd", "xz", "lzma", "lz4hc", "lz4", "none"})}},
       {"--verity", &arguments.verity,
        "Add a dm-verity hash partition; the root hash goes to IMAGE.root_hash.txt"}});
  return own;
}

Result<void> write_root_hash(const std::string& image, const std::optional<image::VerityTree>& tree) {
  if (!tree) return {};
  return write_file_atomically(image + ".root_hash.txt", tree->kata_parameters() + "\n");
}

Result<void> write_root_hash(const std::string& image, const image::Summary& summary) {
  const auto* const disk = std::get_if<image::ImageSummary>(&summary);
  return disk ? write_root_hash(image, disk->verity) : Result<void>{};
}

Result<image::ImageOptions> ImageArguments::resolve(const Environment& env) const {
  image::ImageOptions options{.label = label, .compression = compression};
  CG_TRY(policy, image::parse_size_policy(size));
  options.size = policy;
  CG_TRY(parsed_form, image::parse_form(form));
  options.file_system = parsed_form.file_system;
  options.frame = {.kind = parsed_form.frame, .verity = verity};
  CG_CHECK(image::check_options(options));
  if (policy.fixed && options.frame.inside(*policy.fixed) < (256U << 10))
    return usage_error(fmt::format("size '{}': too small for the form {}", size, form));
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
  if (!image::format_of(options.file_system)->has_plan) {
    const auto without = [&](std::string_view option, std::string_view why) {
      return usage_error(fmt::format("{}: the form {} {}; leave it out", option, form, why));
    };
    if (size != "auto") return without("--size " + size, "is as large as its files need");
    if (journal != "auto" && journal != "none") return without("--journal " + journal, "has no journal");
    if (!inodes.empty()) return without("--inodes", "has no table of inodes");
    if (!inode_ratio.empty()) return without("--inode-ratio", "has no table of inodes");
  }
  if (!inodes.empty()) {
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(inodes.data(), inodes.data() + inodes.size(), count);
    if (error != std::errc{} || end != inodes.data() + inodes.size() || count == 0 || count > UINT32_MAX)
      return usage_error(fmt::format("--inodes '{}': not a number from 1 to {}", inodes, UINT32_MAX));
    options.inodes = count;
  }
  if (!inode_ratio.empty()) {
    CG_TRY(ratio, image::parse_size(inode_ratio));
    if (ratio < 1024 || ratio > (64 << 20))
      return usage_error(fmt::format("--inode-ratio '{}': from 1K to 64M bytes for each inode", inode_ratio));
    options.bytes_per_inode = ratio;
  }
  CG_TRY(epoch, source_date_epoch(env));
  options.source_date_epoch = epoch;
  return options;
}

namespace {

void print(const image::ImageSummary& summary, double seconds, Context& context) {
  const std::string& output = context.options.output;
  if (context.options.format == "json") {
    nlohmann::ordered_json json = {{"schema", "criu-guest.image-summary/1"},
                                   {"image", output},
                                   {"bytes", summary.bytes},
                                   {"blocks", summary.blocks},
                                   {"free_blocks", summary.free_blocks},
                                   {"inodes", summary.inodes},
                                   {"used_inodes", summary.used_inodes},
                                   {"files", summary.files},
                                   {"directories", summary.directories},
                                   {"data_bytes", summary.data_bytes},
                                   {"uuid", summary.uuid}};
    if (summary.verity)
      json["verity"] = {{"root_hash", summary.verity->root_hash},
                        {"salt", summary.verity->salt},
                        {"data_blocks", summary.verity->data_blocks},
                        {"kernel_parameters", summary.verity->kernel_parameters("/dev/vda1", "/dev/vda2")}};
    (output == "-" ? context.env.err : context.env.out) << json.dump(2) << "\n";
  } else if (!context.options.quiet) {
    if (summary.verity)
      context.env.err << fmt::format("{}: root hash {}\n", output, summary.verity->root_hash);
    context.env.err << fmt::format(
        "{}: {}, {} files and {} directories with {}, {} free, in {}\n", output, human_size(summary.bytes),
        summary.files, summary.directories, human_size(summary.data_bytes),
        human_size(summary.free_blocks * image::block_size), human_seconds(seconds));
  }
}

void print(const image::InitrdSummary& summary, double seconds, Context& context) {
  const std::string& output = context.options.output;
  if (context.options.format == "json") {
    const nlohmann::ordered_json json = {{"schema", "criu-guest.initrd-summary/1"},
                                         {"image", output},
                                         {"files", summary.files},
                                         {"bytes", summary.bytes},
                                         {"attributes_left_out", summary.attributes}};
    (output == "-" ? context.env.err : context.env.out) << json.dump(2) << "\n";
  } else if (!context.options.quiet) {
    context.env.err << fmt::format(
        "{}: {} entries, {} unpacked{}, in {}\n", output, summary.files, human_size(summary.bytes),
        summary.attributes
            ? fmt::format(", without {} extended attributes, which an initrd cannot hold", summary.attributes)
            : "",
        human_seconds(seconds));
  }
}

}  // namespace

void print_summary(const image::Summary& summary, double seconds, Context& context) {
  std::visit([&](const auto& said) { print(said, seconds, context); }, summary);
}

}  // namespace cg
