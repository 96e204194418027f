# What `make package` packs: one Debian package of what `make install` installs. scripts/package.sh runs CPack with it.
set(CG_MAINTAINER "The makers of criu-guest <criu-guest@lists.invalid>" CACHE STRING "Who stands behind a package made here")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME criu-guest)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT ${CG_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "checkpoint/restore of containers in microVM guests")
set(CPACK_PACKAGE_DESCRIPTION "The guest kernel, the static CRIU and the root image that make checkpoint
and restore work inside Kata Containers, Firecracker and Cloud Hypervisor
guests, and the tools that build, check, edit and boot them: kcheck,
kernel-builder, criu-builder, rootfs-builder, guest-run, guest-checkpoint.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
  WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_THREADS 1)  # more threads, other bytes
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
set(CPACK_CG_VERSION_DATE ${CG_VERSION_DATE})
string(SUBSTRING ${CG_VERSION_DATE} 0 4 year)
set(CPACK_CG_COPYRIGHT "${year} the makers of criu-guest")

# What images and guests are made with is recommended, what kernels and CRIUs are made with suggested: by the list of it.
set(recommended)
set(suggested make gcc libelf-dev libssl-dev)
file(STRINGS ${CMAKE_SOURCE_DIR}/scripts/packages-elsewhere.txt rows REGEX "^[a-z]")
foreach(row ${rows})
  if(row MATCHES "^([^ ]+) +image ")
    list(APPEND recommended ${CMAKE_MATCH_1})
  elseif(row MATCHES "^([^ ]+) +(kernel|criu) ")
    list(APPEND suggested ${CMAKE_MATCH_1})
  endif()
endforeach()
list(JOIN recommended ", " CPACK_DEBIAN_PACKAGE_RECOMMENDS)
list(JOIN suggested ", " CPACK_DEBIAN_PACKAGE_SUGGESTS)
include(CPack)
