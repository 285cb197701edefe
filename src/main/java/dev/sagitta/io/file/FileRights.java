package dev.sagitta.io.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.EnumSet;
import java.util.Set;

/** Who may do what with a file, so that the file that replaces it allows no one more. */
record FileRights(UserPrincipal owner, GroupPrincipal group, Set<PosixFilePermission> permissions) {
    private static final Set<PosixFilePermission> OF_GROUP = EnumSet.of(
            PosixFilePermission.GROUP_READ, PosixFilePermission.GROUP_WRITE, PosixFilePermission.GROUP_EXECUTE);

    /** Null where the file system has no such rights. */
    static FileRights of(Path file) throws IOException {
        PosixFileAttributeView view = Files.getFileAttributeView(file, PosixFileAttributeView.class);
        if (view == null) {
            return null;
        }
        try {
            PosixFileAttributes attributes = view.readAttributes();
            return new FileRights(attributes.owner(), attributes.group(), attributes.permissions());
        } catch (UnsupportedOperationException e) {
            return null;
        }
    }

    /** What a file is to be made with that gets rights later: until then its maker alone can open it. */
    static FileAttribute<?>[] untilThen(FileRights later) {
        return later == null
                ? new FileAttribute<?>[0]
                : new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
                };
    }

    /** Gives a file these rights; owner and group only where this user may. */
    void give(Path file) throws IOException {
        PosixFileAttributeView view = Files.getFileAttributeView(file, PosixFileAttributeView.class);
        PosixFileAttributes now = view.readAttributes();
        Set<PosixFilePermission> given = EnumSet.noneOf(PosixFilePermission.class);
        given.addAll(permissions);
        if (!now.group().equals(group)) {
            try {
                view.setGroup(group);
            } catch (IOException e) {
                // the maker's group takes the place of another, which had been trusted with it
                given.removeAll(OF_GROUP);
            }
        }
        if (!now.owner().equals(owner)) {
            try {
                view.setOwner(owner);
            } catch (IOException e) {
                // only root may give a file away
            }
        }
        try {
            view.setPermissions(given);
        } catch (IOException e) {
            // a file system with one set of permissions for all its files
        }
    }
}
