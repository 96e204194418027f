#include "image/edit.h"

#include <fmt/format.h>

#include "image/bytes/image_lock.h"
#include "image/bytes/undo_journal.h"
#include "image/formats.h"

namespace cg::image {
namespace fs = std::filesystem;
Result<EditSummary> edit(const fs::path& image, const std::vector<Change>& changes,
                         const EditOptions& options) {
  std::vector<SourceFile> sources(changes.size());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto* injection = std::get_if<Injection>(&changes[i]);
    if (!injection) continue;
    CG_TRY(source, open_source(injection->source));
    sources[i] = std::move(source);
  }
  // A link to the image stays a link; what it names is changed.
  std::error_code error;
  const fs::path target = fs::canonical(image, error);
  if (error) return cannot(image.string() + ": " + error.message());
  const auto say = [&](std::string_view what) {
    if (options.say) options.say(fmt::format("{}: {}", image.string(), what));
  };
  CG_TRY(lock, lock_image(target, options.mode == EditMode::in_place ? Access::write : Access::read, say));
  CG_TRY(recovery, recover_image(target));
  if (recovery == Recovery::undone) say("an edit of it was interrupted; what it held before is put back");
  if (options.mode == EditMode::in_place) CG_CHECK(check_journal_place(target));
  CG_TRY(disk, FileDevice::of(lock.get(), image.string()));
  CG_TRY(layout, read_layout(disk));
  const bool initrd = !options.partition && layout.content == ContentKind::initrd;
  if (!initrd && (options.initrd == EditOptions::Initrd::repack || options.compression))
    return refused(image.string() + ": no initrd, so there is nothing to repack or to compress");
  CG_TRY(place, find_editable(layout, options.partition, image.string()));
  return format_of(place.content)->edit({target, lock.get(), disk, layout, place}, changes, sources, options);
}

}  // namespace cg::image
