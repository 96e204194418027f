// Applies changes to an open ext2/3/4 file system whose blocks are an overlay's: nothing here is written
// anywhere.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "image/bytes/overlay.h"
#include "image/ext4/read/ext2_io.h"
#include "image/tree/editor.h"

namespace cg::image {

// The error of an edit for which the file system is too small; the caller may grow it and start again.
struct NoRoom {
  std::string message;
};

class ExtEditor final : public Editor {
 public:
  struct Target {
    ext2_filsys fs;
    Overlay& overlay;
    std::uint64_t offset;                // of the file system in the overlay
    std::string name;                    // of the image, for messages
    std::int64_t now;                    // the time of changes that have no source
    std::optional<std::int64_t> newest;  // SOURCE_DATE_EPOCH
  };
  explicit ExtEditor(Target target);

  // Set when an error of apply() was one of too little room.
  const std::optional<NoRoom>& no_room() const { return no_room_; }

 private:
  Result<Changed> inject(const Injection& injection, SourceFile& source) override;
  Result<Changed> remove(const Removal& removal) override;
  Result<Changed> make_directory(const NewDirectory& wish) override;
  Result<Changed> make_symlink(const NewSymlink& wish) override;
  Result<Changed> change_mode(const ModeChange& wish) override;
  Result<Changed> change_owner(const OwnerChange& wish) override;

  std::string what(std::string_view path) const;
  std::unexpected<Error> fault(std::string_view path, errcode_t code);
  Result<ext2_ino_t> find(const std::string& path);
  Result<ext2_ino_t> make_parents(ext2_ino_t directory, const std::vector<std::string>& missing,
                                  std::int64_t time, const std::string& path);
  errcode_t with_room_in(ext2_ino_t directory, const std::function<errcode_t()>& call);
  Result<void> link(ext2_ino_t directory, const std::string& name, ext2_ino_t inode, int type,
                    const std::string& path);
  Result<ext2_ino_t> free_inode(ext2_ino_t directory, int mode, const std::string& path);
  Result<ext2_ino_t> add_directory(ext2_ino_t parent, const std::string& name, std::int64_t time,
                                   const std::string& path);
  Result<ext2_ino_t> new_file(ext2_ino_t directory, const ext2_inode_large& inode, const std::string& path);
  Result<void> write_data(ext2_ino_t number, SourceFile& source, const std::string& path);
  Result<void> place_run(ext2_ino_t number, SourceFile& source, std::uint64_t first, std::uint64_t count,
                         const std::string& path);
  Result<void> drop_name(ext2_ino_t number, const std::string& path);
  Result<void> drop_directory(ext2_ino_t parent, ext2_ino_t number, const std::string& path);
  Result<void> change_inode(ext2_ino_t number, const std::string& path,
                            const std::function<void(ext2_inode_large&)>& change);

  Target target_;
  ext2_filsys fs_;
  std::uint64_t free_at_start_;  // bytes
  std::optional<NoRoom> no_room_;
};

}  // namespace cg::image
