// rootfs-builder: makes guest images and looks into and changes existing ones, without root or a mount.
#pragma once

#include "base/environment.h"

namespace cg {

int rootfs_builder_main(const Args& args, Environment& env);

}  // namespace cg
