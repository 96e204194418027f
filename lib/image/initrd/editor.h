// Applies changes to the tree of an initrd, and remembers which entries bring them about when they are
// appended. Nothing is written anywhere.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "image/change.h"
#include "image/ext_editor.h"
#include "image/initrd/archive.h"

namespace cg::image {

class InitrdEditor {
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

  // `source` for an injection, else nullptr; it must stay open until the tree is written.
  Result<Changed> apply(const Change& change, SourceFile* source);

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
  Result<Changed> apply(const Injection& injection, SourceFile& source);
  Result<Changed> apply(const Removal& removal);
  Result<Changed> apply(const NewDirectory& wish);
  Result<Changed> apply(const NewSymlink& wish);
  Result<Changed> apply(const ModeChange& wish);
  Result<Changed> apply(const OwnerChange& wish);

  std::string what(std::string_view path) const;
  std::int64_t time_of(const SourceFile& source) const;
  Result<FileTree::Found> look_up(const std::string& path, ImageReader::LastLink last) const;
  Result<FileTree::Found> find(const std::string& path) const;
  Result<Index> make_parents(const FileTree::Found& place, std::int64_t time, const std::string& path);
  Index make(Index parent, const std::string& name, FileNode node);
  void note(Index parent, const std::string& name, bool detach = false);
  void fill(FileNode& node, SourceFile& source, const std::string& path);
  Result<void> drop(Index node, const std::string& path) const;

  Target target_;
  FileTree& tree_;
  std::vector<Entry> entries_;
  std::deque<FileDevice> files_;  // the sources
};

}  // namespace cg::image
