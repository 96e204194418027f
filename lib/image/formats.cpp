#include "image/formats.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "image/erofs/files.h"
#include "image/erofs/make.h"
#include "image/ext4/edit/edit.h"
#include "image/ext4/read/check.h"
#include "image/ext4/read/ext_files.h"
#include "image/initrd/edit.h"
#include "image/initrd/files.h"
#include "image/initrd/writer.h"

namespace cg::image {
namespace {

using Opened = Result<std::unique_ptr<ImageFiles>>;

const Format table[] = {
    {.content = ContentKind::ext,
     .names = "ext2, ext3, ext4",
     .forms = {{"ext4", FrameKind::raw},
               {"kata", FrameKind::kata},
               {"kata-dax", FrameKind::kata_dax},
               {"gpt", FrameKind::gpt}},
     .open = [](const Volume& volume) -> Opened { return open_ext_files(volume.window); },
     .edit = edit_ext,
     .filling = Format::Filling::in_place,
     .write_tree = nullptr,
     .write = nullptr,
     .has_plan = true,
     .check_compression = nullptr,
     .checker = Checker{.command = "e2fsck -fn",
                        .program = "e2fsck",
                        .package = "e2fsprogs",
                        .run = [](const Volume& volume) { return check_ext(volume.fd, volume.offset); }}},
    {.content = ContentKind::initrd,
     .names = "",
     .forms = {{"initrd", FrameKind::raw}},
     .open = [](const Volume& volume) -> Opened { return open_initrd_files(volume.window); },
     .edit = edit_initrd,
     .filling = Format::Filling::beside,
     .write_tree = write_initrd_of,
     .write = make_initrd,
     .has_plan = false,
     .check_compression = check_initrd_compression,
     .checker = std::nullopt},
    {.content = ContentKind::erofs,
     .names = "EROFS",
     .forms = {{"erofs", FrameKind::raw}, {"kata-erofs", FrameKind::mbr}},
     .open = [](const Volume& volume) -> Opened {
       return open_erofs_files(volume.window, volume.fd, volume.offset);
     },
     .edit = nullptr,
     .filling = Format::Filling::between,
     .write_tree = nullptr,
     .write = write_erofs,
     .has_plan = false,
     .check_compression = check_erofs_compression,
     .checker = Checker{.command = "fsck.erofs",
                        .program = "fsck.erofs",
                        .package = "erofs-utils",
                        .run =
                            [](const Volume& v) {
                              return check_erofs(v.fd, v.offset, v.window.size(), v.window.name());
                            }}},
};

// "ext2, ext3, ext4 or EROFS"
std::string readable() {
  std::vector<std::string> names;
  for (const Format& format : table)
    if (!format.names.empty()) names.emplace_back(format.names);
  std::string text = join(names, ", ");
  return text.replace(text.rfind(", "), 2, " or ");
}

// The forms of this one that have partitions, or, where it has none, ext4's: "kata, kata-dax or gpt".
std::string partitioned_forms(const Format& format) {
  std::vector<std::string> names;
  for (const Form& form : format.forms)
    if (form.frame != FrameKind::raw) names.emplace_back(form.name);
  if (names.empty()) return partitioned_forms(table[0]);
  std::string text = join(names, ", ");
  const auto comma = text.rfind(", ");
  return comma == std::string::npos ? text : text.replace(comma, 2, " or ");
}

std::string_view form_name(const ImageOptions& options) {
  const auto& forms = format_of(options.file_system)->forms;
  const auto found = std::ranges::find(forms, options.frame.kind, &Form::frame);
  return found == forms.end() ? "?" : found->name;
}

}  // namespace

const Format* format_of(ContentKind content) {
  const auto* const found = std::ranges::find(table, content, &Format::content);
  return found == std::end(table) ? nullptr : found;
}

std::vector<std::string> form_names() {
  std::vector<std::string> names;
  for (const Format& format : table)
    for (const Form& form : format.forms) names.emplace_back(form.name);
  return names;
}

Result<NamedForm> parse_form(std::string_view text) {
  for (const Format& format : table)
    for (const Form& form : format.forms)
      if (form.name == text) return NamedForm{format.content, form.frame};
  const std::vector<std::string> known = form_names();
  return usage_error(
      fmt::format("form '{}': not one of {}{}", text, join(known, ", "), did_you_mean(text, known)));
}

Result<void> check_options(const ImageOptions& options) {
  const Format& format = *format_of(options.file_system);
  if (options.frame.verity && options.frame.kind == FrameKind::raw)
    return usage_error(fmt::format("a dm-verity tree needs a partition; the form {} has none: choose {}",
                                   form_name(options), partitioned_forms(format)));
  if (options.compression.empty()) return {};
  if (!format.check_compression)
    return usage_error(fmt::format("compression '{}': the form {} has none; leave it out",
                                   options.compression, form_name(options)));
  return format.check_compression(options.compression);
}

Result<Place> find_file_system(const DiskLayout& layout, std::optional<unsigned> wanted,
                               const std::string& name) {
  const auto listed = [&] {
    std::vector<std::string> parts;
    for (const Partition& partition : layout.partitions)
      parts.push_back(fmt::format("{} ({}, {})", partition.number, to_string(partition.content),
                                  human_size(partition.bytes)));
    return join(parts, ", ");
  };
  if (layout.partitions.empty()) {
    if (wanted)
      return refused(fmt::format("{}: has no partition table, so there is no partition {}", name, *wanted));
    if (format_of(layout.content))
      return Place{.offset = 0, .bytes = layout.bytes, .content = layout.content};
    return refused(fmt::format("{}: not an {} file system{}", name, readable(),
                               layout.content == ContentKind::unknown
                                   ? std::string(", and without a partition table")
                                   : fmt::format("; it is {}", to_string(layout.content))));
  }
  if (layout.content != ContentKind::unknown && !wanted)
    return refused(fmt::format(
        "{}: has a superblock of {} over the whole file and a {} partition table with {}: one of them is "
        "left from before; --partition N chooses a partition, and 'wipefs' takes away the signature that is "
        "not meant",
        name, to_string(layout.content), to_string(layout.scheme), listed()));
  std::vector<const Partition*> found;
  for (const Partition& partition : layout.partitions)
    if (wanted ? partition.number == *wanted : format_of(partition.content) != nullptr)
      found.push_back(&partition);
  if (wanted && found.empty())
    return refused(fmt::format("{}: has no partition {}; it has {}", name, *wanted, listed()));
  if (found.empty())
    return refused(
        fmt::format("{}: no partition holds an {} file system; it has {}", name, readable(), listed()));
  if (found.size() > 1)
    return refused(fmt::format("{}: several partitions hold a file system: {}; choose one with --partition N",
                               name, listed()));
  if (!format_of(found[0]->content))
    return refused(fmt::format("{}: partition {} is not an {} file system; it is {}", name, found[0]->number,
                               readable(), to_string(found[0]->content)));
  return Place{found[0]->number, found[0]->offset, found[0]->bytes, found[0]->content};
}

Result<Place> find_editable(const DiskLayout& layout, std::optional<unsigned> wanted,
                            const std::string& name) {
  CG_TRY(place, find_file_system(layout, wanted, name));
  const Format& format = *format_of(place.content);
  if (format.edit) return place;
  if (format.forms.empty()) return refused(fmt::format("{}: {} is only read here", name, format.names));
  return refused(fmt::format(
      "{0}: {1} is read-only: run 'rootfs-builder extract {0} -o DIR', change DIR, and "
      "'rootfs-builder create --from DIR --form {2} -o {0}'",
      name, format.names, place.partition == 0 ? format.forms.front().name : format.forms.back().name));
}

}  // namespace cg::image
