#include "image/ext4/edit/edit.h"

#include <fmt/format.h>

#include <algorithm>

#include "image/disk/frame.h"
#include "image/ext4/edit/commit.h"
#include "image/ext4/edit/ext_editor.h"
#include "image/ext4/edit/grow.h"
#include "image/ext4/read/bitmaps.h"
#include "image/ext4/read/ext2_error.h"

namespace cg::image {
namespace {

Result<void> check_editable(ext2_filsys fs, const std::string& name) {
  const ext2_super_block& super = *fs->super;
  if (ext2fs_has_feature_journal_dev(fs->super))
    return refused(name + ": a journal device, not a file system");
  if (ext2fs_has_feature_journal_needs_recovery(fs->super))
    return refused(name +
                   ": its journal holds changes that are not replayed; run 'e2fsck -p' on it (or unmount it "
                   "cleanly) first");
  if (super.s_state & EXT2_ERROR_FS)
    return refused(name + ": is marked as damaged; run 'e2fsck -f' on it first");
  if (!(super.s_state & EXT2_VALID_FS))
    return refused(
        name + ": was not unmounted cleanly, or is mounted now; unmount it or run 'e2fsck -p' on it first");
  if (super.s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT)
    return refused(name + ": has orphaned files that are not cleaned up; run 'e2fsck -p' on it first");
  if (super.s_last_orphan != 0)
    return refused(name + ": has a list of orphaned inodes; run 'e2fsck -p' on it first");
  // What libext2fs opens but does not keep up to date.
  struct Unsafe {
    bool set;
    std::string_view feature;
    std::string_view remedy;
  };
  for (const Unsafe& unsafe : {Unsafe{(super.s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_QUOTA) != 0,
                                      "quota", "'tune2fs -O ^quota' turns it off"},
                               Unsafe{(super.s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS) != 0,
                                      "shared_blocks", "such an image is read-only"},
                               Unsafe{(super.s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_READONLY) != 0,
                                      "read-only", "'tune2fs -O ^read-only' turns it off"},
                               Unsafe{(super.s_feature_incompat & EXT4_FEATURE_INCOMPAT_MMP) != 0, "mmp",
                                      "'tune2fs -O ^mmp' turns it off"},
                               Unsafe{(super.s_feature_incompat & EXT4_FEATURE_INCOMPAT_EA_INODE) != 0,
                                      "ea_inode", "mount it to change it"},
                               Unsafe{(super.s_feature_incompat & EXT4_FEATURE_INCOMPAT_ENCRYPT) != 0,
                                      "encrypt", "mount it to change it"},
                               Unsafe{(super.s_feature_incompat & EXT4_FEATURE_INCOMPAT_CASEFOLD) != 0,
                                      "casefold", "mount it to change it"}})
    if (unsafe.set)
      return refused(fmt::format("{}: has the feature {}, with which it is not edited here; {}", name,
                                 unsafe.feature, unsafe.remedy));
  return {};
}

// The whole edit in an overlay, in a file system that has grown first where that is needed.
class Edit {
 public:
  Edit(const EditTarget& target, const EditOptions& options)
      : target_(target), options_(options), name_(target.disk.name()) {}

  Result<EditSummary> prepare(const std::vector<Change>& changes, std::vector<SourceFile>& sources);
  Overlay& overlay() { return *overlay_; }
  const Place& place() const { return now_; }

 private:
  Result<std::vector<Changed>> attempt(const std::vector<Change>& changes, std::vector<SourceFile>& sources,
                                       bool& no_room);

  const EditTarget& target_;
  const EditOptions& options_;
  const std::string& name_;
  std::unique_ptr<Overlay> overlay_;
  Place now_;  // the target's place, or what it has grown to
};

Result<std::vector<Changed>> Edit::attempt(const std::vector<Change>& changes,
                                           std::vector<SourceFile>& sources, bool& no_room) {
  Window window(*overlay_, now_.offset, now_.bytes);
  CG_TRY(handle, open_ext(window, EXT2_FLAG_RW | EXT2_FLAG_SKIP_MMP));
  CG_CHECK(check_editable(handle.get(), name_));
  CG_CHECK(read_bitmaps(handle.get(), name_));
  // Not the clock: the same edit of the same image gives the same bytes.
  std::int64_t now = std::max<std::int64_t>(1, handle->super->s_wtime);
  for (const SourceFile& source : sources)
    if (source.fd) now = std::max<std::int64_t>(now, source.info.st_mtim.tv_sec);
  if (options_.source_date_epoch) now = std::max<std::int64_t>(1, std::min(now, *options_.source_date_epoch));
  handle->now = now;
  ExtEditor editor({.fs = handle.get(),
                    .overlay = *overlay_,
                    .offset = now_.offset,
                    .name = name_,
                    .now = now,
                    .newest = options_.source_date_epoch});
  std::vector<Changed> changed;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto one = editor.apply(changes[i], sources[i].fd ? &sources[i] : nullptr);
    no_room = editor.no_room().has_value();
    if (!one) return std::unexpected(std::move(one).error());
    changed.push_back(std::move(*one));
  }
  CG_EXT2(name_ + ": putting its parts together", ext2fs_flush2(handle.get(), EXT2_FLAG_FLUSH_NO_SYNC));
  // What a guest will read: once more from the start.
  CG_TRY(again, open_ext(window, 0));
  CG_CHECK(read_bitmaps(again.get(), name_));
  return changed;
}

Result<EditSummary> Edit::prepare(const std::vector<Change>& changes, std::vector<SourceFile>& sources) {
  std::uint64_t extra = 0;
  std::uint64_t wanted = 1 << 20;
  for (const SourceFile& source : sources)
    if (source.fd) wanted += static_cast<std::uint64_t>(source.info.st_size) * 17 / 16;
  for (;;) {
    overlay_ = std::make_unique<Overlay>(target_.disk);
    now_ = target_.place;
    if (extra > 0) {
      CG_TRY(grown, grow_file_system(*overlay_, target_.layout, target_.place, extra));
      now_ = grown;
    }
    bool no_room = false;
    auto changed = attempt(changes, sources, no_room);
    if (changed) return EditSummary{std::move(*changed), now_.bytes - target_.place.bytes};
    if (!no_room || options_.growth == Growth::never) return std::unexpected(std::move(changed).error());
    extra += wanted;
    wanted = extra;
  }
}

// The tree of a file system that has one; `now` is the place that it has grown to.
Result<std::optional<VerityTree>> renew_verity(const EditTarget& target, const Place& now, Overlay& changes,
                                               VerityPolicy policy) {
  const auto& [image, fd, disk, layout, place] = target;
  Uuid id{};
  CG_CHECK(disk.read(place.offset + SUPERBLOCK_OFFSET + offsetof(ext2_super_block, s_uuid),
                     std::as_writable_bytes(std::span(id))));
  CG_TRY(found, find_verity(disk, layout, place, id));
  if (!found) return std::nullopt;
  if (found->evidence == VerityPartition::Evidence::likely && policy == VerityPolicy::rebuild_certain)
    return refused(
        fmt::format("{}: partition {} seems to hold the dm-verity tree of partition {}, which no longer fits "
                    "after an edit; "
                    "--verity makes it anew (and the root hash with it)",
                    disk.name(), found->partition.number, place.partition));
  // Growing has moved it.
  CG_TRY(new_layout, read_layout(changes));
  const auto moved = std::ranges::find(new_layout.partitions, found->partition.number, &Partition::number);
  if (moved == new_layout.partitions.end()) return refused(disk.name() + ": its dm-verity partition is gone");
  Window data(changes, now.offset, now.bytes);
  Window hash(changes, moved->offset, moved->bytes);
  CG_TRY(tree, write_verity_tree(data, hash, verity_salt(id)));
  return tree;
}

}  // namespace

Result<EditSummary> edit_ext(const EditTarget& target, const std::vector<Change>& changes,
                             std::vector<SourceFile>& sources, const EditOptions& options) {
  Edit work(target, options);
  CG_TRY(summary, work.prepare(changes, sources));
  CG_TRY(verity, renew_verity(target, work.place(), work.overlay(), options.verity));
  summary.verity = std::move(verity);
  const CommitTarget commit{
      .image = target.image, .fd = target.fd, .superblock = work.place().offset + SUPERBLOCK_OFFSET};
  if (options.mode == EditMode::copy)
    CG_CHECK(commit_as_copy(commit, target.disk, work.overlay()));
  else
    CG_CHECK(commit_in_place(commit, target.disk, work.overlay()));
  return summary;
}

}  // namespace cg::image
