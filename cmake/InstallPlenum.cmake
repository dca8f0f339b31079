# What a program that embeds libplenum finds after "cmake --install": headers, both libraries, plenum.pc, find_package(Plenum).
include(CMakePackageConfigHelpers)

set(PLM_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Plenum)
set(PLM_PC_IPSEC_MB "")
if(PLM_IPSEC_MB AND IPSEC_MB_LIB AND IPSEC_MB_INCLUDE)
  set(PLM_PC_IPSEC_MB "-lIPSec_MB")
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/media/include/plenum DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS plenum plenum_static EXPORT PlenumTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT PlenumTargets NAMESPACE Plenum:: DESTINATION ${PLM_CMAKE_DIR})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/PlenumConfig.cmake.in
  ${PROJECT_BINARY_DIR}/PlenumConfig.cmake INSTALL_DESTINATION ${PLM_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/PlenumConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/PlenumConfig.cmake ${PROJECT_BINARY_DIR}/PlenumConfigVersion.cmake
  DESTINATION ${PLM_CMAKE_DIR})

# Relative to its own place, so that an installed tree may be moved.
file(RELATIVE_PATH PLM_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/cmake/plenum.pc.in ${PROJECT_BINARY_DIR}/plenum.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/plenum.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
