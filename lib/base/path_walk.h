// Walks a path through a tree of files, whatever holds the tree: inodes in memory, an ext file system, a
// directory of the host. Symbolic links are followed from the tree's root and never out of it ("..", there,
// stays there), and are counted over the whole way, as Linux does: a link whose target is eight times another
// link costs one more each time it is met, so no chain of them is worth more than limits::links steps. What
// is left to walk is a stack of texts, the path at its bottom and targets of links on it: nothing recurses.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace cg {

enum class LastLink { follow, keep };  // where the path's last component is one

enum class PathKind { directory, link, other };

// What a name in a directory leads to.
template <class Node>
struct PathChild {
  Node node;
  PathKind kind = PathKind::other;
  std::string target;  // of a link
};

template <class Node>
struct PathEnd {
  Node node;                         // of the deepest component that exists
  std::vector<std::string> missing;  // the components below it that do not
  Node parent;                       // directory that holds `name`, when nothing is missing
  std::string name;                  // empty for the root, and after ".."
};

// The components that are left of a way; "." and empty ones are none.
class PathParts {
 public:
  // From `at` on, with so many links followed before.
  explicit PathParts(std::string_view path, std::size_t at = 0, unsigned links = 0);
  bool empty() const { return targets_.empty() && at_ == path_.size(); }
  std::string next();
  // A link's target comes before what is left. Refused: more than limits::links of them in all.
  Result<void> follow(std::string target);
  unsigned links() const { return links_; }
  std::string_view path() const { return path_; }
  // Where in the path its next component starts; nullopt: on the way through a link.
  std::optional<std::size_t> position() const { return targets_.empty() ? std::optional(at_) : std::nullopt; }
  // Refused: a name that no file system holds.
  Result<void> check(const std::string& name) const;
  std::unexpected<Error> below_a_file(const std::string& name) const;
  // All that is left, below `name`, which is not there. Refused: "..", which would have no meaning.
  Result<std::vector<std::string>> missing(const std::string& name);

 private:
  std::string_view path_;
  std::size_t at_;
  std::vector<std::pair<std::string, std::size_t>> targets_;  // and how far they are walked
  std::size_t target_bytes_ = 0;                              // of all that were followed
  unsigned links_;
};

// Where the last path led, component by component. A walk over a whole tree asks for one path after the
// other, each from the root: with this it costs the new components only. The tree must not change.
template <class Node>
class PathTrail {
 public:
  struct Step {
    std::size_t at;  // in the path, where the next component starts
    Node node;
    PathKind kind;
    unsigned links;
  };
  // The deepest step that lies on the way to the last component of `path`; forgets those that do not.
  const Step* back_to(std::string_view path);
  void add(Step step) { steps_.push_back(std::move(step)); }

 private:
  std::string path_;
  std::vector<Step> steps_;
};

std::size_t last_component(std::string_view path);  // where it starts
std::size_t common_bytes(std::string_view a, std::string_view b);

template <class Node>
const typename PathTrail<Node>::Step* PathTrail<Node>::back_to(std::string_view path) {
  const std::size_t most = std::min(common_bytes(path, path_), last_component(path));
  while (!steps_.empty() && steps_.back().at > most) steps_.pop_back();
  path_.resize(steps_.empty() ? 0 : steps_.back().at);
  path_ += path.substr(path_.size());
  return steps_.empty() ? nullptr : &steps_.back();
}

// A View has: type Node; Node root(); Result<Node> parent(Node directory);
// Result<std::optional<PathChild<Node>>> child(Node directory, std::string_view name).
template <class View>
Result<PathEnd<typename View::Node>> walk_path(const View& view, typename View::Node start, PathParts& rest,
                                               LastLink last, PathTrail<typename View::Node>* trail = nullptr,
                                               PathKind here = PathKind::directory) {
  PathEnd<typename View::Node> end{.node = start, .missing = {}, .parent = start, .name = {}};
  while (!rest.empty()) {
    std::string name = rest.next();
    CG_CHECK(rest.check(name));
    if (here != PathKind::directory) return rest.below_a_file(name);
    if (name == "..") {
      CG_TRY(above, view.parent(end.node));
      end.parent = end.node = std::move(above);
      end.name.clear();
    } else {
      CG_TRY(child, view.child(end.node, name));
      if (!child) {
        CG_TRY(missing, rest.missing(name));
        end.missing = std::move(missing);
        return end;
      }
      if (child->kind == PathKind::link && !(rest.empty() && last == LastLink::keep)) {
        const bool from_root = child->target.starts_with('/');
        CG_CHECK(rest.follow(std::move(child->target)));
        if (from_root) end.node = view.root();
        end.name.clear();
        continue;
      }
      here = child->kind;
      end.parent = std::exchange(end.node, std::move(child->node));
      end.name = std::move(name);
    }
    // Not of the last component: another path may go on there with more of the same name.
    if (const auto at = rest.position(); trail && at && !rest.empty())
      trail->add({*at, end.node, here, rest.links()});
  }
  return end;
}

// From the root, and with `trail` from where the last path was left.
template <class View>
Result<PathEnd<typename View::Node>> walk_path(const View& view, std::string_view path, LastLink last,
                                               PathTrail<typename View::Node>* trail = nullptr) {
  const auto* known = trail ? trail->back_to(path) : nullptr;
  PathParts rest(path, known ? known->at : 0, known ? known->links : 0);
  return walk_path(view, known ? known->node : view.root(), rest, last, trail,
                   known ? known->kind : PathKind::directory);
}

}  // namespace cg
