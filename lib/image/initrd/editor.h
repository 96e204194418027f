// Applies changes to the tree of an initrd, and remembers which entries bring them about when they are
// appended. Nothing is written anywhere.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "image/initrd/archive.h"
#include "image/tree/editor.h"

namespace cg::image {

class InitrdEditor final : public Editor {
 public:
  enum class Way { append, repack };
  struct Target {
    InitrdArchive& archive;
    std::string name;  // for messages
    Way way;
    std::int64_t now;                    // the time of changes that have no source
    std::optional<std::int64_t> newest;  // SOURCE_DATE_EPOCH
  };
  explicit InitrdEditor(Target target) : target_(std::move(target)), tree_(target_.archive.tree()) {}

  struct Entry {
    std::string path;  // with links resolved, as the kernel must not replace them
    FileTree::Index node = 0;
    // The name first has to be taken from the file it leads to, which has others: the kernel would write
    // through it.
    bool detach = false;
  };
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  using Index = FileTree::Index;
  Result<Changed> inject(const Injection& injection, SourceFile& source) override;
  Result<Changed> remove(const Removal& removal) override;
  Result<Changed> make_directory(const NewDirectory& wish) override;
  Result<Changed> make_symlink(const NewSymlink& wish) override;
  Result<Changed> change_mode(const ModeChange& wish) override;
  Result<Changed> change_owner(const OwnerChange& wish) override;

  std::string what(std::string_view path) const;
  Result<FileTree::Found> look_up(const std::string& path, LastLink last) const;
  Result<FileTree::Found> find(const std::string& path) const;
  Result<Index> make_parents(const FileTree::Found& place, std::int64_t time, const std::string& path);
  Index make(Index parent, const std::string& name, FileNode node);
  void note(Index parent, const std::string& name, bool detach = false);
  void note(const FileTree::Found& place);
  void fill(FileNode& node, SourceFile& source, const std::string& path);
  Result<void> drop(Index node, const std::string& path) const;

  Target target_;
  FileTree& tree_;
  std::vector<Entry> entries_;
  std::deque<FileDevice> files_;  // the sources
};

}  // namespace cg::image
