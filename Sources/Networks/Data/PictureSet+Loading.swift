public import Files
public import Tensors

extension PictureSet {
    /// The set that a user names, or one that is made, cut into a part to learn from and a part to be measured on.
    public static func load(
        _ data: DataPlace?, on device: Device, otherwise make: () -> PictureSet
    ) throws(FileError) -> (training: PictureSet, test: PictureSet) {
        guard let data else { return make().split(0.85) }
        throw FileError(data.path, "holds no pictures that can be read")
    }
}
